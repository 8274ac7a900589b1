import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tinyKernel } from "./tiny-image.js";

/** Puts an image of {@link tinyKernel} into the cache of a home of mk: `mk start --cpus 1 --memory 64m` of a QEMU machine then takes no time. */
export async function installTinyImage(home: string): Promise<void> {
  const contents = {
    kernel: { name: "kernel", bytes: tinyKernel("amd64") },
    initramfs: { name: "initramfs", bytes: Buffer.from("none") },
    root: { name: "root.erofs", bytes: Buffer.alloc(1024 * 1024) },
    oci: { name: "root.oci.tar", bytes: Buffer.from("none") },
    lock: { name: "lock.json", bytes: Buffer.from("{}") },
  };
  const files = Object.fromEntries(
    Object.entries(contents).map(([key, { name, bytes }]) => [
      key,
      { name, size: bytes.length, sha256: sha256(bytes) },
    ]),
  );
  const manifest = {
    schema: 1,
    arch: "amd64",
    debianVersion: "13.0",
    kernelRelease: "tiny",
    cmdline: "console=ttyS0",
    files,
  };
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  const directory = join(home, "cache", "images", sha256(Buffer.from(text)));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const { name, bytes } of Object.values(contents)) await writeFile(join(directory, name), bytes);
  await writeFile(join(directory, "manifest.json"), text);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
