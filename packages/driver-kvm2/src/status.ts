import type { DriverStatus, Host, OptionValues, StatusRequest } from "@mk/core";
import { MkError } from "@mk/core";
import { Libvirt } from "./libvirt.js";
import type { options } from "./options.js";
import { findKvm, WITHOUT_KVM } from "./virtualization.js";

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
  try {
    const versions = await libvirt.versions(signal);
    const ready = { status: "ready", version: versions.libvirt } as const;
    if (virtualization === "qemu") return { ...ready, facts: { qemu: versions.qemu, virtualization } };
    const arch = machine?.arch ?? (host.arch === "arm64" ? "arm64" : "amd64");
    const { works, reason } = await findKvm(host, libvirt, { uri, arch }, signal);
    if (works) return { ...ready, facts: { qemu: versions.qemu, virtualization: "kvm" } };
    if (virtualization === "auto")
      return {
        ...ready,
        facts: { qemu: versions.qemu, virtualization: "qemu" },
        note: `software emulation: ${reason}`,
      };
    return {
      status: "unhealthy",
      code: "kvm-unusable",
      reason: `KVM cannot be used: ${reason}`,
      fix: WITHOUT_KVM,
      version: versions.libvirt,
    };
  } finally {
    libvirt.close();
  }
}

async function unavailable(host: Host, { code, message: reason, hint }: MkError): Promise<DriverStatus> {
  const why = { reason, ...(hint !== undefined && { fix: hint }) };
  if (code === "PERMISSION_DENIED") return { status: "unhealthy", code: "libvirt-permission", ...why };
  if (code !== "DRIVER_UNAVAILABLE") return { status: "unhealthy", code: "libvirt-unusable", ...why };
  if (await hasDaemon(host)) return { status: "stopped", code: "libvirt-not-running", ...why };
  return {
    status: "missing",
    code: "libvirt-not-found",
    reason: "libvirt is not installed",
    fix: "Install libvirt and QEMU.",
    packages: PACKAGES,
  };
}

async function hasDaemon(host: Host): Promise<boolean> {
  const found =
    (await host.which("libvirtd")) ??
    (await host.which("virtqemud")) ??
    (await host.files.stat("/usr/sbin/libvirtd")) ??
    (await host.files.stat("/usr/sbin/virtqemud"));
  return found !== undefined;
}
