import type { GuestArch, Host } from "@mk/core";
import { MkError } from "@mk/core";
import type { Libvirt, LibvirtUri } from "./libvirt.js";
import { ownerLabel } from "./owner-label.js";
import { LibvirtError } from "./rpc-connection.js";
import { element, toXml } from "./xml.js";

/** What was found by running a guest instruction, kept until the host reboots. */
export interface KvmFinding {
  readonly works: boolean;
  /** Why not; empty when it works. */
  readonly reason: string;
}

/** A guest that runs at all powers off in well under a second; one that never does must not hold up `mk start`. */
const PROBE_MS = 1500;
/** SeaBIOS does not read from a disk of less than a cylinder. */
const BOOT_DISK_BYTES = 1024 * 1024;

/**
 * A disk whose boot sector powers the machine off through ACPI: cli; mov dx,0x604; mov ax,0x2000; out dx,ax; then hlt for ever. SeaBIOS has
 * put the PM registers at 0x600 (QEMU's pc and q35), SLP_EN is bit 13 of PM1a_CNT and QEMU's S5 has the sleep type 0.
 */
function bootDisk(): Uint8Array {
  const disk = Buffer.alloc(BOOT_DISK_BYTES);
  Buffer.from([0xfa, 0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4, 0xeb, 0xfd]).copy(disk);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

/**
 * Whether a guest really runs on KVM here: a transient domain executes four instructions. A `/dev/kvm` that opens proves nothing, since
 * machines exist on which it creates VMs that never run. Cached per boot and libvirt version.
 */
export async function findKvm(host: Host, libvirt: Libvirt, uri: LibvirtUri, signal: AbortSignal): Promise<KvmFinding> {
  if (!(await host.files.stat("/dev/kvm"))) return { works: false, reason: "this host has no /dev/kvm" };
  // Only the host's own architecture can be virtualized, and the probe is code for x86; elsewhere KVM is taken at libvirt's word.
  if (host.arch !== "x64") return { works: true, reason: "" };
  const versions = await libvirt.versions(signal);
  const key = `kvm2-${uri === "qemu:///system" ? "system" : "session"}-${host.user.uid}-${versions.libvirt}-${versions.qemu}`;
  const cached = await host.cache.read(key);
  if (isFinding(cached)) return cached;
  try {
    const finding = await runProbe(host, libvirt, { type: "kvm", uri }, signal);
    await host.cache.write(key, finding);
    return finding;
  } catch (error) {
    // What libvirt refuses may be mended before the next boot (a group, a module): said, not remembered.
    if (!(error instanceof LibvirtError)) throw error;
    return { works: false, reason: explain(error, host) };
  }
}

/** QEMU runs as the user, who needs the device as well as libvirt's socket. */
function explain({ message }: LibvirtError, { user }: Host): string {
  if (!/Could not access KVM kernel module: Permission denied/.test(message)) return message;
  return `${user.name} may not use /dev/kvm; run 'sudo usermod -aG kvm ${user.name}' and log in again`;
}

interface Probe {
  readonly type: "kvm" | "qemu";
  readonly uri: LibvirtUri;
}

/** Runs the boot sector in a transient domain of this type. Rejects with LibvirtError when libvirt does not start it. */
export async function runProbe(host: Host, libvirt: Libvirt, probe: Probe, signal: AbortSignal): Promise<KvmFinding> {
  const directory = await host.runDirectory("kvm2-probe");
  const uuid = crypto.randomUUID();
  const disk = `${directory}/${uuid.slice(0, 8)}.img`;
  await host.files.write(disk, bootDisk());
  const poweredOff = new AbortController();
  using _subscription = await libvirt.lifecycle((event) => {
    // "stopped" follows a second later, when libvirt has cleared the domain away.
    if (event.uuid === uuid && (event.event === "shutdown" || event.event === "stopped")) poweredOff.abort();
  }, signal);
  try {
    const domain = await libvirt.createDomain(probeXml(probe, uuid, disk, host), signal);
    const ran = await settled(host, poweredOff.signal, signal);
    // When this is not reached the domain ends with the connection.
    await libvirt.destroyDomain(domain, signal);
    if (ran) return { works: true, reason: "" };
    return { works: false, reason: "/dev/kvm creates machines, but no guest instruction ran on it" };
  } finally {
    await host.files.remove(disk);
  }
}

/** True when the guest powered itself off before the time was over. */
async function settled(host: Host, poweredOff: AbortSignal, signal: AbortSignal): Promise<boolean> {
  try {
    await host.delay(PROBE_MS, AbortSignal.any([poweredOff, signal]));
    return false;
  } catch (error) {
    signal.throwIfAborted();
    if (poweredOff.aborted) return true;
    throw error;
  }
}

function probeXml({ type, uri }: Probe, uuid: string, disk: string, { user }: Host): string {
  return toXml(
    element(
      "domain",
      { type },
      element("name", {}, `mk-probe-${uuid.slice(0, 8)}`),
      element("uuid", {}, uuid),
      element("memory", { unit: "MiB" }, "32"),
      element("vcpu", {}, "1"),
      element("os", {}, element("type", { arch: "x86_64", machine: "pc" }, "hvm"), element("boot", { dev: "hd" })),
      element("features", {}, element("acpi")),
      element("on_poweroff", {}, "destroy"),
      element(
        "devices",
        {},
        element(
          "disk",
          { type: "file", device: "disk" },
          element("driver", { name: "qemu", type: "raw" }),
          element("source", { file: disk }),
          element("target", { dev: "vda", bus: "virtio" }),
          element("readonly"),
        ),
        element("memballoon", { model: "none" }),
      ),
      ownerLabel(uri, user),
    ),
  );
}

function isFinding(value: unknown): value is KvmFinding {
  return (
    typeof value === "object" &&
    value !== null &&
    "works" in value &&
    typeof value.works === "boolean" &&
    "reason" in value &&
    typeof value.reason === "string"
  );
}

/** The domain type to use. DRIVER_UNAVAILABLE when `kvm` was demanded and does not work. */
export async function chooseDomainType(
  host: Host,
  libvirt: Libvirt,
  {
    uri,
    virtualization,
    arch,
  }: { readonly uri: LibvirtUri; readonly virtualization: "auto" | "kvm" | "qemu"; readonly arch: GuestArch },
  signal: AbortSignal,
): Promise<"kvm" | "qemu"> {
  if (virtualization === "qemu") return "qemu";
  const native = (host.arch === "x64" && arch === "amd64") || (host.arch === "arm64" && arch === "arm64");
  const finding: KvmFinding = native
    ? await findKvm(host, libvirt, uri, signal)
    : { works: false, reason: `an ${arch} guest cannot be virtualized on this CPU` };
  if (finding.works) return "kvm";
  if (virtualization === "auto") return "qemu";
  throw new MkError("DRIVER_UNAVAILABLE", `KVM cannot be used: ${finding.reason}`, {
    hint: "Leave --kvm2-virtualization at auto to run in software emulation.",
  });
}
