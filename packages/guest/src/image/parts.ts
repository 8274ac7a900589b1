import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GuestArch, Operation, Progress } from "@mk/core";
import { readDataEntries } from "../deb/data-entries.js";
import type { XzThreads } from "../deb/xz-threads.js";
import type { DebianPackage } from "../debian/packages-index.js";
import { CMDLINE } from "../recipe/cmdline.js";
import { initramfsTree } from "../recipe/initramfs.js";
import { type Kernel, readKernel } from "../recipe/kernel.js";
import { UNWANTED } from "../recipe/packages.js";
import { finishRoot } from "../recipe/root.js";
import { layOver, type UnpackedEntry, unpack } from "../recipe/unpack.js";
import { readContents, type Spool } from "../tree/contents.js";
import { Tree } from "../tree/tree.js";
import { cpioArchive } from "../writers/cpio.js";
import { writeErofs } from "../writers/erofs.js";
import { writeOciTar } from "../writers/oci-tar.js";
import { hashFile } from "./image-directory.js";
import { type ImageFile, type ImageManifest, serializeLock } from "./manifest.js";
import { fetchPackages, imageLock, PackageFiles, type Source } from "./source.js";
import { together } from "./together.js";

/** What is written to an image's files. */
export interface Parts {
  readonly root: Tree;
  readonly initramfs: Tree;
  readonly kernel: Kernel;
}

const wanted = (path: string): boolean =>
  path.startsWith("/usr/share/ca-certificates/") || !UNWANTED.some((pattern) => pattern.test(path));

/** Unpacks each package as soon as it is there. */
async function unpackPackages(
  source: Source,
  files: PackageFiles,
  spool: Spool,
  xz: XzThreads,
  onUnpacked: () => void,
  signal: AbortSignal,
): Promise<{ readonly kernel: Kernel; readonly packages: readonly (readonly UnpackedEntry[])[] }> {
  let kernel: Kernel | undefined;
  const read = async (found: DebianPackage, stop: AbortSignal) =>
    readDataEntries(await files.wait(found, stop), `${found.name} ${found.version}`, xz, stop);
  const [, ...packages] = await together(
    [
      async (stop: AbortSignal) => {
        kernel = await readKernel(await read(source.kernel, stop), spool, xz, stop);
        onUnpacked();
        return [];
      },
      ...source.packages.map((found) => async (stop: AbortSignal) => {
        const entries = await unpack(await read(found, stop), spool, wanted);
        onUnpacked();
        return entries;
      }),
    ],
    signal,
  );
  return { kernel: kernel!, packages };
}

/** Downloads the packages, unpacks them meanwhile, and makes root and initramfs of them. */
export async function makeParts(
  source: Source,
  arch: GuestArch,
  downloads: string,
  spool: Spool,
  xz: XzThreads,
  op: Operation,
): Promise<Parts> {
  const total = source.packages.length + 1;
  let done = 0;
  let report: ((progress: Progress) => void) | undefined;
  const onUnpacked = (): void => {
    done += 1;
    report?.({ done, total, unit: "items" });
  };
  const files = new PackageFiles(source);
  const stop = new AbortController();
  const signal = AbortSignal.any([op.signal, stop.signal]);
  const unpacking = unpackPackages(source, files, spool, xz, onUnpacked, signal);
  unpacking.catch(() => undefined); // whoever awaits it below hears of it
  try {
    await fetchPackages(source, files, downloads, op);
    return await op.step("image-unpack", "unpacking packages", async (reportStep) => {
      report = reportStep;
      const { kernel, packages } = await unpacking;
      const root = new Tree();
      for (const entries of packages) layOver(root, entries);
      await finishRoot(root, { arch, debianVersion: source.archive.release.version });
      return { root, kernel, initramfs: await initramfsTree(root, kernel) };
    });
  } catch (error) {
    stop.abort(error);
    // It writes to the spool, which is about to be closed.
    await unpacking.catch(() => undefined);
    throw error;
  }
}

/** Writes the files of an image into a directory and says what they are. */
export async function writeParts(
  directory: string,
  parts: Parts,
  source: Source,
  arch: GuestArch,
  recipe: string,
  op: Operation,
): Promise<ImageManifest> {
  return op.step("image-write", "writing kernel, root and container image", async () => {
    const { signal } = op;
    const timeSeconds = Math.floor(source.archive.release.date.getTime() / 1000);
    const lock = serializeLock(imageLock(source));
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
      recipe,
      cmdline: CMDLINE[arch],
      files: { kernel, initramfs, root, oci, lock: await plain("lock.json", lock) },
    };
  });
}
