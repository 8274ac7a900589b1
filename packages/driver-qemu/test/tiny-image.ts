import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GuestArch, GuestImage } from "@mk/core";
import { tinyAmd64Guest } from "./tiny-amd64-guest.js";
import { tinyArm64Guest } from "./tiny-arm64-guest.js";

/** Writes an image whose kernel is a whole guest: it says that it is ready, heeds the power button, and starts in milliseconds. */
export async function tinyImage(directory: string, arch: GuestArch): Promise<GuestImage> {
  // On a line of its own, whatever the firmware wrote before.
  const greeting = "\nmk-guest: ready uptime=0\n";
  const image: GuestImage = {
    digest: `sha256:${"0".repeat(64)}`,
    arch,
    debianVersion: "13",
    kernel: join(directory, `kernel-${arch}`),
    initramfs: join(directory, "initramfs"),
    root: join(directory, "root"),
    oci: join(directory, "oci"),
    cmdline: "quiet",
  };
  await writeFile(image.kernel, arch === "amd64" ? tinyAmd64Guest(greeting) : tinyArm64Guest(greeting));
  await writeFile(image.initramfs, "no initramfs");
  await writeFile(image.root, new Uint8Array(1024 * 1024));
  return image;
}
