/** CPU architecture of a guest, in Debian's terms. */
export type GuestArch = "amd64" | "arm64";

/** A directory of the host that the guest sees. */
export interface MountSpec {
  /** Absolute path of a directory on the host. */
  readonly source: string;
  /** Absolute path in the guest. */
  readonly target: string;
  readonly readOnly: boolean;
}

/** A TCP port of the guest that the host's clients reach. */
export interface PortSpec {
  /** Address on the host; a loopback address unless the user asked for another. */
  readonly hostAddress: string;
  /** 0 lets the driver choose. */
  readonly hostPort: number;
  readonly guestPort: number;
}

/** mk's own description of a machine, the same for all drivers. Plain JSON, persisted. */
export interface MachineSpec {
  /** The machine's name: unique for a user, checked by `assertMachineName`. */
  readonly name: string;
  /** UUID given at creation; labels every object a driver makes, so that ownership can be proved. */
  readonly id: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** Size of the data disk. Thin-provisioned where the driver can. */
  readonly diskMiB: number;
  readonly arch: GuestArch;
  /** Digest of the guest image the machine was created from; absent for drivers with `traits.image: "none"`. */
  readonly imageDigest?: string;
  readonly mounts: readonly MountSpec[];
  readonly ports: readonly PortSpec[];
}

/** A built guest image: paths are absolute files in mk's cache, never written by drivers. */
export interface GuestImage {
  /** `sha256:<hex>` over the image's manifest: names the image. */
  readonly digest: string;
  readonly arch: GuestArch;
  /** `13.2` and the like. */
  readonly debianVersion: string;
  /** Linux kernel as a boot image (bzImage on amd64, Image on arm64). */
  readonly kernel: string;
  /** Initramfs; load the machine's seed cpio BEFORE it, both concatenated or as a list of initrds. */
  readonly initramfs: string;
  /** Read-only erofs root; attach it as the FIRST virtio disk, read-only (`/dev/vda`). */
  readonly root: string;
  /** The same tree as a tar that `docker import` takes. */
  readonly oci: string;
  /** Kernel command line every VM driver must pass, without the machine's own parameters. */
  readonly cmdline: string;
}

/** A file placed in the guest before its init runs. Paths are absolute in the guest. */
export interface SeedFile {
  readonly path: string;
  /** Permission bits, for example 0o600. */
  readonly mode: number;
  readonly contents: string | Uint8Array;
}
