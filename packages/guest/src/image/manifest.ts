import { createHash } from "node:crypto";
import type { GuestArch } from "@mk/core";

/** One file of an image. */
export interface ImageFile {
  /** Name in the image's directory. */
  readonly name: string;
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
}

/** What names an image: nothing in it depends on where or when it was built. */
export interface ImageManifest {
  readonly schema: 1;
  readonly arch: GuestArch;
  readonly debianVersion: string;
  readonly kernelRelease: string;
  /** Of what made it, as `recipeDigest` has it; absent in an image that mk did not build. */
  readonly recipe?: string;
  readonly cmdline: string;
  readonly files: {
    readonly kernel: ImageFile;
    readonly initramfs: ImageFile;
    readonly root: ImageFile;
    readonly oci: ImageFile;
    readonly lock: ImageFile;
  };
}

export const serializeManifest = (manifest: ImageManifest): string => `${JSON.stringify(manifest, undefined, 2)}\n`;

export const serializeLock = (lock: ImageLock): string => `${JSON.stringify(lock, undefined, 2)}\n`;

/** `sha256:<hex>` over the manifest as it is written. */
export const manifestDigest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** What an image was made of. */
export interface ImageLock {
  readonly schema: 1;
  readonly debian: {
    readonly version: string;
    readonly codename: string;
    /** ISO 8601: the time of every file of the image. */
    readonly date: string;
  };
  readonly packages: readonly {
    readonly name: string;
    readonly version: string;
    readonly architecture: string;
    readonly filename: string;
    readonly size: number;
    readonly sha256: string;
  }[];
}
