import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tinyAmd64Guest } from "./amd64-guest.js";
import { tinyArm64Guest } from "./arm64-guest.js";

/** On a line of its own, whatever the firmware wrote before. */
const GREETING = "\nmk-guest: ready uptime=0\n";

/** A kernel that is a whole guest: it says that it is ready, heeds the power button, and starts in milliseconds even when emulated. */
export function tinyKernel(arch: "amd64" | "arm64"): Uint8Array {
  return arch === "amd64" ? tinyAmd64Guest(GREETING) : tinyArm64Guest(GREETING);
}

/** Writes a guest image of {@link tinyKernel} into a directory; the shape is core's GuestImage. */
export async function tinyImage<Arch extends "amd64" | "arm64">(directory: string, arch: Arch) {
  const image = {
    digest: `sha256:${"0".repeat(64)}`,
    arch,
    debianVersion: "13",
    kernel: join(directory, `kernel-${arch}`),
    initramfs: join(directory, "initramfs"),
    root: join(directory, "root"),
    oci: join(directory, "oci"),
    cmdline: "quiet",
  };
  await writeFile(image.kernel, tinyKernel(arch));
  await writeFile(image.initramfs, "no initramfs");
  await writeFile(image.root, new Uint8Array(1024 * 1024));
  return image;
}
