import { rm } from "node:fs/promises";
import { type GuestArch, MkError, type SerializedMkError } from "@mk/core";
import { imageDirectory, listDigests, readImage, readLock, type StoredImage } from "./image-directory.js";
import type { ImageLock, ImageManifest } from "./manifest.js";

/** An image of the cache, as `mk image list` shows it. */
export type ImageSummary =
  | {
      readonly digest: string;
      readonly arch: GuestArch;
      readonly debianVersion: string;
      readonly kernelRelease: string;
      /** ISO 8601. */
      readonly builtAt: string;
      readonly sizeBytes: number;
    }
  | { readonly digest: string; readonly problem: SerializedMkError };

/** An image with what it was made of. */
export type ImageInfo = Exclude<ImageSummary, { readonly problem: unknown }> & {
  readonly directory: string;
  readonly cmdline: string;
  readonly packages: ImageLock["packages"];
};

const summarize = ({ image, manifest, builtAtMs, sizeBytes }: StoredImage) => ({
  digest: image.digest,
  arch: image.arch,
  debianVersion: image.debianVersion,
  kernelRelease: manifest.kernelRelease,
  builtAt: new Date(builtAtMs).toISOString(),
  sizeBytes,
});

async function readIntact(home: string): Promise<readonly StoredImage[]> {
  const all = await Promise.all(
    (await listDigests(home)).map((digest) =>
      readImage(home, digest).catch((error: unknown) => {
        if (MkError.is(error)) return undefined;
        throw error;
      }),
    ),
  );
  return all.filter((stored) => stored !== undefined).sort((a, b) => b.builtAtMs - a.builtAtMs);
}

/** The newest intact image of an architecture that fits. */
export async function newestImage(
  home: string,
  arch: GuestArch,
  fits: (manifest: ImageManifest) => boolean,
): Promise<StoredImage | undefined> {
  return (await readIntact(home)).find(({ manifest }) => manifest.arch === arch && fits(manifest));
}

/** All images of the cache, newest first; damaged ones last, with what is wrong. */
export async function listImages(home: string): Promise<readonly ImageSummary[]> {
  const intact = await readIntact(home);
  const good = new Set(intact.map(({ image }) => image.digest));
  const damaged = await Promise.all(
    (await listDigests(home))
      .filter((digest) => !good.has(digest))
      .sort()
      .map(async (digest): Promise<readonly ImageSummary[]> => {
        try {
          await readImage(home, digest);
          return [];
        } catch (error) {
          return MkError.is(error) ? [{ digest, problem: error.toJSON() }] : [];
        }
      }),
  );
  return [...intact.map(summarize), ...damaged.flat()];
}

/** Everything about one image. IMAGE_ABSENT, INTEGRITY. */
export async function imageInfo(home: string, digest: string): Promise<ImageInfo> {
  const stored = await readImage(home, digest);
  if (stored === undefined) throw absent(digest);
  const { packages } = await readLock(stored);
  return { ...summarize(stored), directory: stored.directory, cmdline: stored.manifest.cmdline, packages };
}

const absent = (digest: string): MkError =>
  new MkError("IMAGE_ABSENT", `there is no guest image ${digest}`, {
    hint: "List the images there are with `mk image list`.",
  });

/**
 * Removes an image from the cache, a damaged one too. IMAGE_IN_USE when it is among the digests that machines use, IMAGE_ABSENT when there
 * is none.
 */
export async function removeImage(home: string, digest: string, usedDigests: Iterable<string>): Promise<void> {
  const directory = imageDirectory(home, digest);
  if ([...usedDigests].includes(digest)) {
    throw new MkError("IMAGE_IN_USE", `a machine uses the guest image ${digest}`, {
      hint: "Delete the machine first, with mk delete.",
    });
  }
  if (!(await listDigests(home)).includes(digest)) throw absent(digest);
  await rm(directory, { recursive: true, force: true });
}
