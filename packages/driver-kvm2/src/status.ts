import { type DriverStatus, type Host, hostArch, MkError, type OptionValues, type StatusRequest } from "@mk/core";
import { Libvirt } from "./libvirt.js";
import type { options } from "./options.js";
import { findDaemon } from "./session-daemon.js";
import { chooseDomainType } from "./virtualization.js";

const PACKAGES = {
  apt: ["libvirt-daemon-system", "qemu-system-x86", "dnsmasq-base"],
  dnf: ["libvirt-daemon-driver-qemu", "libvirt-daemon-driver-network", "libvirt-daemon-config-network", "qemu-kvm"],
  pacman: ["libvirt", "qemu-base", "dnsmasq"],
  zypper: ["libvirt-daemon-qemu", "qemu-kvm", "dnsmasq"],
} as const;

/** Connects to libvirt, the system's unless the user's is wanted, and runs a guest instruction on KVM, unless emulation is demanded. */
export async function status(
  host: Host,
  signal: AbortSignal,
  machine?: StatusRequest<OptionValues<typeof options>>,
): Promise<DriverStatus> {
  const { uri = "qemu:///system", virtualization = "auto" } = machine?.options ?? {};
  if (host.platform !== "linux")
    return {
      status: "missing",
      code: "platform",
      reason: `libvirt with KVM needs linux, this is ${host.platform}`,
      fix: "Use another driver, for example qemu.",
    };
  let libvirt: Libvirt;
  try {
    libvirt = await Libvirt.connect(host, uri, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!MkError.is(error)) throw error;
    return await unavailable(host, error);
  }
  const arch = machine?.arch ?? hostArch(host);
  try {
    const { libvirt: version, qemu } = await libvirt.versions(signal);
    try {
      const { type, reason } = await chooseDomainType(host, libvirt, { uri, virtualization, arch }, signal);
      return {
        status: "ready",
        version,
        facts: { qemu, virtualization: type },
        ...(reason !== undefined && { note: `software emulation: ${reason}` }),
      };
    } catch (error) {
      if (!MkError.is(error, "DRIVER_UNAVAILABLE")) throw error;
      return { status: "unhealthy", code: "kvm-unusable", version, ...why(error) };
    }
  } finally {
    libvirt.close();
  }
}

/** An error in a status' words. */
function why({ message: reason, hint }: MkError): { readonly reason: string; readonly fix?: string } {
  return { reason, ...(hint !== undefined && { fix: hint }) };
}

async function unavailable(host: Host, error: MkError): Promise<DriverStatus> {
  if (error.code === "PERMISSION_DENIED") return { status: "unhealthy", code: "libvirt-permission", ...why(error) };
  if (error.code !== "DRIVER_UNAVAILABLE") return { status: "unhealthy", code: "libvirt-unusable", ...why(error) };
  if (await findDaemon(host)) return { status: "stopped", code: "libvirt-not-running", ...why(error) };
  return {
    status: "missing",
    code: "libvirt-not-found",
    reason: "libvirt is not installed",
    fix: "Install libvirt and QEMU.",
    packages: PACKAGES,
  };
}
