import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GuestArch, Operation } from "@mk/core";
import { readDataEntries } from "../deb/data-entries.js";
import type { DebianPackage } from "../debian/packages-index.js";
import { CMDLINE } from "../recipe/cmdline.js";
import { initramfsTree } from "../recipe/initramfs.js";
import { type Kernel, readKernel } from "../recipe/kernel.js";
import { UNWANTED } from "../recipe/packages.js";
import { finishRoot } from "../recipe/root.js";
import { unpackInto } from "../recipe/unpack.js";
import { readContents, type Spool } from "../tree/contents.js";
import { Tree } from "../tree/tree.js";
import { cpioArchive } from "../writers/cpio.js";
import { writeErofs } from "../writers/erofs.js";
import { writeOciTar } from "../writers/oci-tar.js";
import { hashFile } from "./image-directory.js";
import type { ImageFile, ImageManifest } from "./manifest.js";
import { imageLock, type Source } from "./source.js";

/** What is written to an image's files. */
export interface Parts {
  readonly root: Tree;
  readonly initramfs: Tree;
  readonly kernel: Kernel;
}

/** Unpacks the packages and makes root and initramfs of them. */
export async function unpackParts(
  source: Source,
  files: ReadonlyMap<DebianPackage, string>,
  arch: GuestArch,
  spool: Spool,
  op: Operation,
): Promise<Parts> {
  return op.step("image-unpack", "Unpack packages", async (report) => {
    const total = files.size;
    let done = 0;
    const root = new Tree();
    const open = (found: DebianPackage) =>
      readDataEntries(files.get(found)!, `${found.name} ${found.version}`, op.signal);
    const kernel = await readKernel(open(source.kernel), spool, op.signal);
    report({ done: ++done, total, unit: "items" });
    const wanted = (path: string): boolean =>
      path.startsWith("/usr/share/ca-certificates/") || !UNWANTED.some((pattern) => pattern.test(path));
    for (const found of source.packages) {
      op.signal.throwIfAborted();
      await unpackInto(root, open(found), spool, wanted);
      report({ done: ++done, total, unit: "items" });
    }
    await finishRoot(root, { arch, debianVersion: source.archive.release.version });
    return { root, kernel, initramfs: await initramfsTree(root, kernel) };
  });
}

/** Writes the files of an image into a directory and says what they are. */
export async function writeParts(
  directory: string,
  parts: Parts,
  source: Source,
  arch: GuestArch,
  op: Operation,
): Promise<ImageManifest> {
  return op.step("image-write", "Write kernel, root and container image", async () => {
    const { signal } = op;
    const timeSeconds = Math.floor(source.archive.release.date.getTime() / 1000);
    const lock = `${JSON.stringify(imageLock(source), undefined, 2)}\n`;
    const uuid = createHash("sha256").update(lock).digest().subarray(0, 16);
    const write = async (name: string, body: (path: string) => Promise<void>): Promise<ImageFile> => {
      const path = join(directory, name);
      await body(path);
      return { name, ...(await hashFile(path, signal)) };
    };
    const plain = (name: string, contents: string | Uint8Array) =>
      write(name, (path) => writeFile(path, contents, { mode: 0o600 }));
    // The container runs on its host's kernel: it has the tree without the modules.
    const oci = await write("root.oci.tar", (path) => writeOciTar(path, parts.root, { timeSeconds, signal }));
    for (const { path, node } of parts.kernel.tree.under("/usr/lib/modules/")) parts.root.put(path, node);
    const root = await write("root.erofs", (path) =>
      writeErofs(path, parts.root, { uuid, timeSeconds, label: "mk-root", signal }),
    );
    const kernel = await write("kernel", (path) =>
      writeFile(path, readContents(parts.kernel.image), { mode: 0o600, signal }),
    );
    const initramfs = await plain("initramfs", await cpioArchive(parts.initramfs));
    return {
      schema: 1,
      arch,
      debianVersion: source.archive.release.version,
      kernelRelease: parts.kernel.release,
      cmdline: CMDLINE[arch],
      files: { kernel, initramfs, root, oci, lock: await plain("lock.json", lock) },
    };
  });
}
