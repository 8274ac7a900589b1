import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type GuestImage, MkError } from "@mk/core";
import { type ImageLock, type ImageManifest, manifestDigest } from "./manifest.js";

export const MANIFEST = "manifest.json";
const STAMP = "stamp.json";

/** `$MK_HOME/cache/images`. */
export const imagesDirectory = (home: string): string => join(home, "cache", "images");

const DIGEST = /^sha256:([0-9a-f]{64})$/;

/** Directory of an image. A digest has a colon, which not every file system takes. INVALID_ARGUMENT for what is no digest. */
export function imageDirectory(home: string, digest: string): string {
  const match = DIGEST.exec(digest);
  if (match === null) {
    throw new MkError("INVALID_ARGUMENT", `"${digest}" is not the digest of a guest image`, {
      hint: "Give a digest of the form sha256:<64 hexadecimal digits>, as mk image list shows it.",
    });
  }
  return join(imagesDirectory(home), match[1]!);
}

export async function hashFile(
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly size: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(path, {
    highWaterMark: 1 << 20,
    ...(signal !== undefined && { signal }),
  })) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { size, sha256: hash.digest("hex") };
}

type Stamp = Readonly<Record<string, { readonly size: number; readonly mtimeMs: number }>>;

/** Notes how the files of a verified image look, so that the next check need not read them. */
export async function writeStamp(directory: string, manifest: ImageManifest): Promise<void> {
  const names = Object.values(manifest.files).map(({ name }) => name);
  const entries = await Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(directory, name));
      return [name, { size, mtimeMs }] as const;
    }),
  );
  await writeFile(join(directory, STAMP), JSON.stringify(Object.fromEntries(entries)), { mode: 0o600 });
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Whether every file is as the manifest says: by size and time where the stamp knows them, else by digest. */
async function isIntact(directory: string, manifest: ImageManifest): Promise<boolean> {
  const stamp = ((await readJson(join(directory, STAMP))) ?? {}) as Stamp;
  let stamped = true;
  for (const file of Object.values(manifest.files)) {
    const path = join(directory, file.name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || found.size !== file.size) return false;
    const known = stamp[file.name];
    if (known !== undefined && known.size === found.size && known.mtimeMs === found.mtimeMs) continue;
    stamped = false;
    if ((await hashFile(path)).sha256 !== file.sha256) return false;
  }
  // A cache on a read-only disk is still a cache.
  if (!stamped) await writeStamp(directory, manifest).catch(() => undefined);
  return true;
}

export interface StoredImage {
  readonly image: GuestImage;
  readonly manifest: ImageManifest;
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly builtAtMs: number;
  readonly sizeBytes: number;
}

/**
 * Reads an image of the cache. Undefined when there is none of that digest; INTEGRITY when its files are not what they were when it was
 * built.
 */
export async function readImage(home: string, digest: string): Promise<StoredImage | undefined> {
  const directory = imageDirectory(home, digest);
  const text = await readFile(join(directory, MANIFEST), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw new MkError("IO_FAILED", `${join(directory, MANIFEST)} could not be read`, { cause: error });
  });
  if (text === undefined) return undefined;
  const damaged = (): MkError =>
    new MkError("INTEGRITY", `the guest image ${digest} in ${directory} has been changed since it was built`, {
      hint: `Remove it with "mk image remove ${digest}" and build it again with "mk image build".`,
    });
  if (manifestDigest(text) !== digest) throw damaged();
  const manifest = JSON.parse(text) as ImageManifest;
  if (!(await isIntact(directory, manifest))) throw damaged();
  const { files } = manifest;
  return {
    directory,
    manifest,
    builtAtMs: (await stat(join(directory, MANIFEST))).mtimeMs,
    sizeBytes: Object.values(files).reduce((sum, { size }) => sum + size, 0),
    image: {
      digest,
      arch: manifest.arch,
      debianVersion: manifest.debianVersion,
      kernel: join(directory, files.kernel.name),
      initramfs: join(directory, files.initramfs.name),
      root: join(directory, files.root.name),
      oci: join(directory, files.oci.name),
      cmdline: manifest.cmdline,
    },
  };
}

/** Digests of what looks like an image in the cache. */
export async function listDigests(home: string): Promise<readonly string[]> {
  const names = await readdir(imagesDirectory(home)).catch(() => []);
  return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => `sha256:${name}`);
}

export async function readLock(stored: StoredImage): Promise<ImageLock> {
  return JSON.parse(await readFile(join(stored.directory, stored.manifest.files.lock.name), "utf8")) as ImageLock;
}
