import { MkError, type MkErrorCode } from "@mk/core";
import type { LibvirtUri } from "./libvirt.js";
import type { LibvirtError } from "./rpc-connection.js";

interface KnownFailure {
  readonly pattern: RegExp;
  readonly code: MkErrorCode;
  readonly message: string;
  readonly hint: string;
}

/**
 * What QEMU and dnsmasq said, which libvirt runs with LC_ALL=C and hands on in the text of its own error. libvirt's own words are in the
 * daemon's language, so nothing here rests on them.
 */
const KNOWN: readonly KnownFailure[] = [
  {
    pattern: /Could not set up host forwarding rule/,
    code: "PORT_IN_USE",
    message: "another program listens on a port of the machine",
    hint: "End the program that has the port, or start the machine again to get another.",
  },
  {
    pattern: /Cannot allocate memory|cannot set up guest memory/i,
    code: "DRIVER_FAILED",
    message: "there is not enough memory for the guest",
    hint: "Start with a smaller --memory.",
  },
  {
    pattern: /No space left on device/,
    code: "NO_SPACE",
    message: "there is no space left for the machine's files",
    hint: "Free space on the disks that hold mk's home and /var/lib/libvirt.",
  },
  {
    pattern: /master-key\.aes\S* Permission denied/,
    code: "PERMISSION_DENIED",
    message: "QEMU, which runs as you, may not enter libvirt's directory",
    hint: "Let everyone enter it with 'sudo chmod o+x /var/lib/libvirt/qemu'.",
  },
  {
    pattern: /Failed to get (shared )?"\w+" lock/,
    code: "MACHINE_BUSY",
    message: "another process uses the machine's disk",
    hint: "End the other QEMU that has this disk open.",
  },
  {
    pattern: /Could not access KVM kernel module|failed to initialize kvm/i,
    code: "DRIVER_UNAVAILABLE",
    message: "KVM does not work here",
    hint: "Start with --kvm2-virtualization=auto, which uses it only where a guest runs on it.",
  },
  {
    pattern: /unable to find CPU model|CPU model .* not/,
    code: "INVALID_OPTION",
    message: "this QEMU does not know the CPU model",
    hint: "Leave out --kvm2-cpu-model, or take one of 'virsh domcapabilities'.",
  },
  {
    pattern: /dnsmasq/,
    code: "NETWORK_FAILED",
    message: "libvirt could not start the network's DHCP server",
    hint: "Install dnsmasq-base, and end what else listens on port 67 or 53 of all addresses.",
  },
];

/** The error for what libvirt refused or could not do. */
export function libvirtFailure(error: LibvirtError, uri: LibvirtUri): MkError {
  const known = KNOWN.find(({ pattern }) => pattern.test(error.message));
  if (known) return new MkError(known.code, `${known.message}: ${error.message}`, { hint: known.hint, cause: error });
  const logs = uri === "qemu:///system" ? "/var/log/libvirt/qemu" : "~/.cache/libvirt/qemu/log";
  return new MkError("DRIVER_FAILED", `libvirt: ${error.message}`, {
    hint: `See the log of libvirtd and of the domain in ${logs}.`,
    cause: error,
  });
}
