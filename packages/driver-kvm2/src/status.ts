import type { DriverStatus, Host, OptionValues, StatusRequest } from "@mk/core";
import { MkError } from "@mk/core";
import { Libvirt } from "./libvirt.js";
import type { options } from "./options.js";
import { findKvm } from "./virtualization.js";

const PACKAGES = {
  apt: ["libvirt-daemon-system", "qemu-system-x86", "dnsmasq-base"],
  dnf: ["libvirt-daemon-driver-qemu", "libvirt-daemon-driver-network", "libvirt-daemon-config-network", "qemu-kvm"],
  pacman: ["libvirt", "qemu-base", "dnsmasq"],
  zypper: ["libvirt-daemon-qemu", "qemu-kvm", "dnsmasq"],
} as const;

/** Connects to libvirt, the system's unless the user's is wanted, and runs a guest instruction on KVM. */
export async function status(
  host: Host,
  signal: AbortSignal,
  machine?: StatusRequest<OptionValues<typeof options>>,
): Promise<DriverStatus> {
  const uri = machine?.options.uri ?? "qemu:///system";
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
    const finding = await findKvm(host, libvirt, uri, signal);
    return {
      status: "ready",
      version: versions.libvirt,
      facts: { qemu: versions.qemu, virtualization: finding.works ? "kvm" : "qemu" },
      ...(!finding.works && { note: `software emulation: ${finding.reason}` }),
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
