import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type GuestArch, type GuestImage, MkError, type Operation } from "@mk/core";
import { readArchiveKeyring } from "../assets.js";
import { readDataEntries } from "../deb/data-entries.js";
import { readAptConfiguration } from "../debian/apt-configuration.js";
import { type DebianArchive, openArchive } from "../debian/archive.js";
import { chooseMirrors } from "../debian/mirrors.js";
import type { DebianPackage } from "../debian/packages-index.js";
import { resolvePackages } from "../debian/resolve.js";
import { download } from "../download/download.js";
import { withFileLock } from "../download/file-lock.js";
import { type HttpGet, httpClient, proxyFromEnvironment } from "../download/http-client.js";
import { CMDLINE } from "../recipe/cmdline.js";
import { initramfsTree } from "../recipe/initramfs.js";
import { readKernel } from "../recipe/kernel.js";
import { ARCH_PACKAGES, EXCLUDED, KERNEL, PACKAGES, UNWANTED } from "../recipe/packages.js";
import { finishRoot } from "../recipe/root.js";
import { unpackInto } from "../recipe/unpack.js";
import { readContents, Spool } from "../tree/contents.js";
import { Tree } from "../tree/tree.js";
import { cpioArchive } from "../writers/cpio.js";
import { writeErofs } from "../writers/erofs.js";
import { writeOciTar } from "../writers/oci-tar.js";
import { hashFile, imageDirectory, imagesDirectory, MANIFEST, readImage, writeStamp } from "./image-directory.js";
import { type ImageFile, type ImageLock, type ImageManifest, manifestDigest, serializeManifest } from "./manifest.js";

export interface BuildImageOptions {
  /** mk's own directory; the image goes below `cache/images`, downloads below `cache/downloads`. */
  readonly home: string;
  readonly arch: GuestArch;
  /** Base URL of a Debian mirror. Default: MK_DEBIAN_MIRROR, the host's apt configuration, then Debian's own. */
  readonly mirror?: string | undefined;
  /** Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since the epoch. Default: this computer's clock. */
  readonly now?: number;
  /** Default: Debian's archive keys, which this package carries. */
  readonly keyring?: Uint8Array;
  /** apt's configuration directory. Default `/etc/apt`. */
  readonly aptDirectory?: string;
  /** True when the caller holds the lock at {@link buildLockPath}. */
  readonly locked?: boolean;
}

const PARALLEL_DOWNLOADS = 6;

interface Source {
  readonly archive: DebianArchive;
  readonly packages: readonly DebianPackage[];
  readonly kernel: DebianPackage;
  readonly get: HttpGet;
}

async function openSource(options: BuildImageOptions, downloads: string, op: Operation): Promise<Source> {
  const env = options.env ?? process.env;
  const apt = await readAptConfiguration(options.aptDirectory);
  const fromEnv = proxyFromEnvironment(env);
  const get = httpClient(fromEnv.httpProxy === undefined && fromEnv.httpsProxy === undefined ? apt.proxy : fromEnv);
  const archive = await openArchive(
    {
      mirrors: chooseMirrors({ option: options.mirror, env, apt }),
      keyring: options.keyring ?? (await readArchiveKeyring()),
      arch: options.arch,
      get,
      directory: downloads,
      now: options.now ?? Date.now(),
      checkValidUntil: apt.checkValidUntil,
    },
    op,
  );
  const packages = resolvePackages(archive.index, {
    packages: [...PACKAGES, ...ARCH_PACKAGES[options.arch]],
    exclude: EXCLUDED,
  });
  const meta = archive.index.find(KERNEL[options.arch]);
  const kernelName = meta?.depends.flat().find(({ name }) => name.startsWith("linux-image-"))?.name;
  const kernel = kernelName === undefined ? undefined : archive.index.find(kernelName);
  if (kernel === undefined) throw new MkError("INTEGRITY", `Debian's package index has no kernel for ${options.arch}.`);
  return { archive, packages, kernel, get };
}

/** Downloads all packages, several at a time. The first failure aborts the rest. */
async function fetchPackages(
  source: Source,
  downloads: string,
  op: Operation,
): Promise<ReadonlyMap<DebianPackage, string>> {
  const all = [source.kernel, ...source.packages].sort((a, b) => b.size - a.size);
  const total = all.reduce((sum, { size }) => sum + size, 0);
  return op.step("image-download", "Download packages from Debian", async (report) => {
    const failed = new AbortController();
    const signal = AbortSignal.any([op.signal, failed.signal]);
    const files = new Map<DebianPackage, string>();
    const queue = [...all];
    let done = 0;
    const onBytes = (bytes: number): void => {
      done += bytes;
      report({ done, total, unit: "bytes" });
    };
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const name = `${next.name} ${next.version}`;
        const request = { name, urls: source.archive.urls(next), sha256: next.sha256, size: next.size };
        files.set(next, await download(request, { signal, directory: downloads, get: source.get, onBytes }));
      }
    };
    const workers = Array.from({ length: PARALLEL_DOWNLOADS }, () =>
      worker().catch((error: unknown) => {
        if (!failed.signal.aborted) failed.abort(error);
        throw error;
      }),
    );
    const settled = await Promise.allSettled(workers);
    op.signal.throwIfAborted();
    if (settled.some(({ status }) => status === "rejected")) throw failed.signal.reason;
    return files;
  });
}

function lockOf(source: Source): ImageLock {
  const { release } = source.archive;
  const packages = [source.kernel, ...source.packages]
    .map(({ name, version, architecture, filename, size, sha256 }) => ({
      name,
      version,
      architecture,
      filename,
      size,
      sha256,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { schema: 1, debian: { version: release.version, codename: release.codename }, packages };
}

interface Parts {
  readonly root: Tree;
  readonly initramfs: Tree;
  readonly kernel: Awaited<ReturnType<typeof readKernel>>;
}

async function unpackAll(
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

async function writeParts(
  directory: string,
  parts: Parts,
  source: Source,
  arch: GuestArch,
  op: Operation,
): Promise<ImageManifest> {
  return op.step("image-write", "Write kernel, root and container image", async () => {
    const { signal } = op;
    const timeSeconds = Math.floor(source.archive.release.date.getTime() / 1000);
    const lock = `${JSON.stringify(lockOf(source), undefined, 2)}\n`;
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
    for (const { path, node } of parts.kernel.tree.entries())
      if (path.startsWith("/usr/lib/modules")) parts.root.put(path, node);
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

/** Removes what builds left that were killed; the lock is held, so none is alive. */
async function removeLeftovers(images: string, prefix: string): Promise<void> {
  for (const name of await readdir(images)) {
    if (name.startsWith(prefix)) await rm(join(images, name), { recursive: true, force: true });
  }
}

/**
 * Builds the guest image of Debian's current stable and returns it. Needs neither root nor tools of the host; the same packages give the same
 * image, so a second build of an unchanged archive finds the first. Two builds of one architecture do not run at once.
 * INTEGRITY when anything is not as Debian signed it, DOWNLOAD_FAILED, NO_SPACE.
 */
export async function buildImage(options: BuildImageOptions, op: Operation): Promise<GuestImage> {
  const lock = await buildLockPath(options.home, options.arch);
  return options.locked === true ? build(options, op) : withFileLock(lock, op.signal, () => build(options, op));
}

/** The lock of an architecture's builds; makes the directory it is in. */
export async function buildLockPath(home: string, arch: GuestArch): Promise<string> {
  await mkdir(imagesDirectory(home), { recursive: true, mode: 0o700 });
  return join(imagesDirectory(home), `.build-${arch}.lock`);
}

async function build(options: BuildImageOptions, op: Operation): Promise<GuestImage> {
  const { home, arch } = options;
  const images = imagesDirectory(home);
  const downloads = join(home, "cache", "downloads");
  const prefix = `.building-${arch}-`;
  await removeLeftovers(images, prefix);
  const source = await op.step("image-resolve", "Read Debian's signed package index", () =>
    openSource(options, downloads, op),
  );
  const files = await fetchPackages(source, downloads, op);
  const directory = join(images, `${prefix}${randomUUID()}`);
  await mkdir(directory, { mode: 0o700 });
  try {
    const spoolFile = join(directory, "spool");
    let manifest: ImageManifest;
    {
      await using spool = await Spool.create(spoolFile);
      const parts = await unpackAll(source, files, arch, spool, op);
      manifest = await writeParts(directory, parts, source, arch, op);
    }
    await rm(spoolFile);
    const text = serializeManifest(manifest);
    const digest = manifestDigest(text);
    await writeFile(join(directory, MANIFEST), text, { mode: 0o600 });
    await writeStamp(directory, manifest);
    await install(home, directory, digest);
    op.log("guest image built", { digest, arch, debianVersion: manifest.debianVersion });
    return (await readImage(home, digest))!.image;
  } catch (error) {
    // Streams wrap the reason of an abort in errors of their own.
    op.signal.throwIfAborted();
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Puts a finished image in its place; one that is there already is kept if it is intact. */
async function install(home: string, directory: string, digest: string): Promise<void> {
  const target = imageDirectory(home, digest);
  const existing = await readImage(home, digest).catch((error: unknown) => {
    if (MkError.is(error, "INTEGRITY")) return undefined;
    throw error;
  });
  if (existing !== undefined) return;
  await rm(target, { recursive: true, force: true });
  await rename(directory, target);
}
