import type { DriverStatus, Host } from "@mk/core";
import { MkError } from "@mk/core";
import { Libvirt } from "./libvirt.js";
import { findKvm } from "./virtualization.js";

const PACKAGES = {
  apt: ["libvirt-daemon-system", "qemu-system-x86", "dnsmasq-base"],
  dnf: ["libvirt-daemon-driver-qemu", "libvirt-daemon-driver-network", "libvirt-daemon-config-network", "qemu-kvm"],
  pacman: ["libvirt", "qemu-base", "dnsmasq"],
  zypper: ["libvirt-daemon-qemu", "qemu-kvm", "dnsmasq"],
} as const;

/** Connects to the system's libvirt and runs a guest instruction on KVM. */
export async function status(host: Host, signal: AbortSignal): Promise<DriverStatus> {
  if (host.platform !== "linux")
    return {
      status: "missing",
      code: "platform",
      reason: `libvirt with KVM needs linux, this is ${host.platform}`,
      fix: "Use another driver, for example qemu.",
    };
  let libvirt: Libvirt;
  try {
    libvirt = await Libvirt.connect(host, "qemu:///system", signal);
  } catch (error) {
    if (!MkError.is(error)) throw error;
    return await unavailable(host, error);
  }
  try {
    const versions = await libvirt.versions(signal);
    const finding = await findKvm(host, libvirt, "qemu:///system", signal);
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

async function unavailable(host: Host, error: MkError): Promise<DriverStatus> {
  if (error.code === "PERMISSION_DENIED") {
    return {
      status: "unhealthy",
      code: "libvirt-permission",
      reason: error.message,
      fix: error.hint ?? "Join the group libvirt.",
    };
  }
  if (error.code !== "DRIVER_UNAVAILABLE") throw error;
  const daemon =
    (await host.which("libvirtd")) ??
    (await host.which("virtqemud")) ??
    (await host.files.stat("/usr/sbin/libvirtd")) ??
    (await host.files.stat("/usr/sbin/virtqemud"));
  if (daemon)
    return {
      status: "stopped",
      code: "libvirt-not-running",
      reason: error.message,
      fix: "Start it with 'sudo systemctl start libvirtd' (or virtqemud and virtnetworkd).",
    };
  return {
    status: "missing",
    code: "libvirt-not-found",
    reason: "libvirt is not installed",
    fix: "Install libvirt and QEMU.",
    packages: PACKAGES,
  };
}
