import { type GuestArch, type Host, isNativeArch, MkError } from "@mk/core";
import type { Kvm2Config } from "./config.js";
import type { Libvirt, LibvirtUri } from "./libvirt.js";
import { ownerLabel, type QemuOwner, qemuOwner } from "./owner-label.js";
import { LibvirtError } from "./rpc-connection.js";
import { element, toXml } from "./xml.js";

/** What was found by running a guest instruction, kept until the host reboots. */
export interface KvmFinding {
  readonly works: boolean;
  /** Why not; empty when it works. */
  readonly reason: string;
}

/** A guest that runs on KVM has powered itself off by then, unless the computer is busy. */
const PATIENCE_MS = 500;
/** One that has not done so long after an emulated guest has never will. */
const BEHIND_MS = 500;
/** An emulated guest that is not done by then tells nothing. */
const EMULATION_MS = 20_000;
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
 * Whether a guest of this architecture really runs on KVM here: a transient domain executes four instructions. A `/dev/kvm` that opens
 * proves nothing, since machines exist on which it creates VMs that never run. Cached per boot and libvirt version.
 */
export async function findKvm(
  host: Host,
  libvirt: Libvirt,
  { uri, arch }: { readonly uri: LibvirtUri; readonly arch: GuestArch },
  signal: AbortSignal,
): Promise<KvmFinding> {
  if (!isNativeArch(host, arch)) return { works: false, reason: `an ${arch} guest cannot be virtualized on this CPU` };
  if (!(await host.files.stat("/dev/kvm"))) return { works: false, reason: "this host has no /dev/kvm" };
  // The probe is code for x86; elsewhere KVM is taken at libvirt's word.
  if (host.arch !== "x64") return { works: true, reason: "" };
  const versions = await libvirt.versions(signal);
  const key = `kvm2-${uri === "qemu:///system" ? "system" : "session"}-${host.user.uid}-${versions.libvirt}-${versions.qemu}`;
  const cached = await host.cache.read(key);
  if (isFinding(cached)) return cached;
  try {
    const works = await outrunsEmulation(host, libvirt, uri, signal);
    const finding = { works, reason: works ? "" : "/dev/kvm creates machines, but no guest instruction ran on it" };
    await host.cache.write(key, finding);
    return finding;
  } catch (error) {
    // What libvirt refuses may be mended before the next boot (a group, a module): said, not remembered.
    if (!(error instanceof LibvirtError)) throw error;
    return { works: false, reason: explain(error, host) };
  }
}

/** Runs the probe on KVM and, when it is late, in emulation too: that tells a KVM that hangs from a computer that is busy. */
async function outrunsEmulation(host: Host, libvirt: Libvirt, uri: LibvirtUri, signal: AbortSignal): Promise<boolean> {
  const probes: RunningProbe[] = [];
  const start = async (type: ProbeTarget["type"]): Promise<RunningProbe> => {
    const probe = await startProbe(host, libvirt, { type, uri }, signal);
    probes.push(probe);
    return probe;
  };
  try {
    const accelerated = await start("kvm");
    if (await accelerated.ran(PATIENCE_MS)) return true;
    // Where QEMU has no emulation, only time can tell.
    const emulated = await start("qemu").catch(unlessRefused);
    await emulated?.ran(EMULATION_MS);
    return await accelerated.ran(BEHIND_MS);
  } finally {
    await Promise.all(probes.map((probe) => probe.end()));
  }
}

function unlessRefused(error: unknown): undefined {
  if (!(error instanceof LibvirtError)) throw error;
}

/** QEMU runs as the user, who needs the device as well as libvirt's socket. */
function explain({ message }: LibvirtError, { user }: Host): string {
  if (!/Could not access KVM kernel module: Permission denied/.test(message)) return message;
  return `${user.name} may not use /dev/kvm; run 'sudo usermod -aG kvm ${user.name}' and log in again`;
}

/** Where a probe is to run. */
interface ProbeTarget {
  readonly type: "kvm" | "qemu";
  readonly uri: LibvirtUri;
}

/** A transient domain that runs the boot sector. */
export interface RunningProbe {
  /** Whether its guest has powered itself off by so many milliseconds from now. */
  ran(withinMs: number): Promise<boolean>;
  /** Resolves when nothing of it is left. */
  end(): Promise<void>;
}

/** Rejects with LibvirtError when libvirt does not start it. */
export async function startProbe(
  host: Host,
  libvirt: Libvirt,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<RunningProbe> {
  const directory = await host.runDirectory("kvm2-probe");
  const uuid = crypto.randomUUID();
  const disk = `${directory}/${uuid.slice(0, 8)}.img`;
  const poweredOff = new AbortController();
  let subscription: Disposable | undefined;
  const clear = async (): Promise<void> => {
    subscription?.[Symbol.dispose]();
    await host.files.remove(disk);
  };
  try {
    await host.files.write(disk, bootDisk());
    subscription = await libvirt.lifecycle((event) => {
      // "stopped" follows a second later, when libvirt has cleared the domain away.
      if (event.uuid === uuid && (event.event === "shutdown" || event.event === "stopped")) poweredOff.abort();
    }, signal);
    const domain = await libvirt.createDomain(probeXml(target, uuid, disk, await qemuOwner(host)), signal);
    const lost = AbortSignal.any([signal, libvirt.closed]);
    return {
      ran: (withinMs) => aborts(host, poweredOff.signal, withinMs, lost),
      async end() {
        try {
          // Where this is refused, for an aborted signal or a lost connection, the domain ends with the connection.
          await libvirt.destroyDomain(domain, signal);
        } finally {
          await clear();
        }
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}

/** Whether `event` aborts within this time. Rejects with `lost`'s reason. */
async function aborts(host: Host, event: AbortSignal, withinMs: number, lost: AbortSignal): Promise<boolean> {
  try {
    await host.delay(withinMs, AbortSignal.any([event, lost]));
    return false;
  } catch (error) {
    lost.throwIfAborted();
    if (event.aborted) return true;
    throw error;
  }
}

function probeXml({ type, uri }: ProbeTarget, uuid: string, disk: string, owner: QemuOwner): string {
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
      ownerLabel(uri, owner),
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

/** The domain type to use, and why it is not KVM where that was not the user's choice. DRIVER_UNAVAILABLE when `kvm` was demanded and does not work. */
export async function chooseDomainType(
  host: Host,
  libvirt: Libvirt,
  { uri, virtualization, arch }: Pick<Kvm2Config, "uri" | "virtualization"> & { readonly arch: GuestArch },
  signal: AbortSignal,
): Promise<{ readonly type: "kvm" | "qemu"; readonly reason?: string }> {
  if (virtualization === "qemu") return { type: "qemu" };
  const { works, reason } = await findKvm(host, libvirt, { uri, arch }, signal);
  if (works) return { type: "kvm" };
  if (virtualization === "auto") return { type: "qemu", reason };
  throw new MkError("DRIVER_UNAVAILABLE", `KVM cannot be used: ${reason}`, {
    hint: "Leave --kvm2-virtualization at auto to run in software emulation.",
  });
}
