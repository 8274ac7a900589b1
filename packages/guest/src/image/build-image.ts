import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type GuestArch, type GuestImage, MkError, type Operation } from "@mk/core";
import { XzThreads } from "../deb/xz-threads.js";
import { pruneDownloads } from "../download/prune-downloads.js";
import { recipeDigest } from "../recipe/recipe-digest.js";
import { Spool } from "../tree/contents.js";
import { withBuildLock } from "./build-lock.js";
import { imageDirectory, imagesDirectory, MANIFEST, readImage, writeStamp } from "./image-directory.js";
import { newestImage } from "./image-list.js";
import { type ImageManifest, manifestDigest, serializeLock, serializeManifest } from "./manifest.js";
import { makeParts, writeParts } from "./parts.js";
import { imageLock, openSource } from "./source.js";

/** What image is built, out of what, and where it goes. */
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
}

const UNFINISHED = ".building-";

/** Removes what builds left that were killed; the lock is held, so none is alive. */
async function removeLeftovers(images: string): Promise<void> {
  for (const name of await readdir(images)) {
    if (name.startsWith(UNFINISHED)) await rm(join(images, name), { recursive: true, force: true });
  }
}

/**
 * Builds the guest image of Debian's current stable and returns it. Needs neither root nor tools of the host; the same packages give the same
 * image, so a build of an unchanged archive finds the image that is there. Builds below one home take turns.
 * INTEGRITY when anything is not as Debian signed it, DOWNLOAD_FAILED, NO_SPACE; INVALID_ARGUMENT for a mirror that is no address.
 */
export async function buildImage(options: BuildImageOptions, op: Operation): Promise<GuestImage> {
  return withBuildLock(options.home, op, () => buildLocked(options, op));
}

/** Builds for a caller that runs in {@link withBuildLock}. */
export async function buildLocked(options: BuildImageOptions, op: Operation): Promise<GuestImage> {
  const { home, arch } = options;
  const images = imagesDirectory(home);
  const downloads = join(home, "cache", "downloads");
  await removeLeftovers(images);
  await using xz = new XzThreads();
  const source = await op.step("image-resolve", "reading Debian's signed package index", () =>
    openSource(options, downloads, xz, op),
  );
  const recipe = await recipeDigest();
  const lock = createHash("sha256")
    .update(serializeLock(imageLock(source)))
    .digest("hex");
  const same = await newestImage(home, arch, (each) => each.recipe === recipe && each.files.lock.sha256 === lock);
  if (same !== undefined) return same.image;
  const directory = join(images, `${UNFINISHED}${randomUUID()}`);
  await mkdir(directory, { mode: 0o700 });
  try {
    const spoolFile = join(directory, "spool");
    let manifest: ImageManifest;
    {
      await using spool = await Spool.create(spoolFile);
      const parts = await makeParts(source, arch, downloads, spool, xz, op);
      manifest = await writeParts(directory, parts, source, arch, recipe, op);
    }
    await rm(spoolFile);
    const text = serializeManifest(manifest);
    const digest = manifestDigest(text);
    await writeFile(join(directory, MANIFEST), text, { mode: 0o600 });
    await writeStamp(directory, manifest);
    await install(home, directory, digest);
    await pruneDownloads(
      downloads,
      new Set([source.kernel, ...source.packages].map(({ sha256 }) => sha256)),
      Date.now(),
    );
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
