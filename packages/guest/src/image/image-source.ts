import { type GuestArch, type GuestImage, type Host, type ImageSource, MkError, type Operation } from "@mk/core";
import { recipeDigest } from "../recipe/recipe-digest.js";
import { buildLocked } from "./build-image.js";
import { withBuildLock } from "./build-lock.js";
import { readImage } from "./image-directory.js";
import { newestImage } from "./image-list.js";

/** Where images are kept, and where those that are missing are built from. */
export interface GuestImagesOptions {
  /** mk's own directory. */
  readonly home: string;
  /** Base URL of a Debian mirror, for builds. Default: MK_DEBIAN_MIRROR, the host's apt configuration, then Debian's own. */
  readonly mirror?: string | undefined;
  /** Its environment names mirror and proxies. Default: this process's. */
  readonly host?: Pick<Host, "env">;
}

/**
 * Guest images of mk's cache, built when there are none. Digests are checked each time an image is taken out: by size and time where the
 * files are as the last check left them, else in full; INTEGRITY when they differ.
 */
export function guestImages(options: GuestImagesOptions): ImageSource {
  const { home, mirror, host } = options;
  return {
    async find(digest: string): Promise<GuestImage | undefined> {
      return (await readImage(home, digest))?.image;
    },
    async ensure(arch: GuestArch, op: Operation): Promise<GuestImage> {
      const recipe = await recipeDigest();
      // An upgraded mk builds anew what its new machines boot; machines that exist keep theirs, by its digest.
      const newest = () =>
        newestImage(home, arch, (manifest) => manifest.recipe === undefined || manifest.recipe === recipe);
      const cached = await newest();
      if (cached !== undefined) return cached.image;
      // Whoever waited here for another's build finds its image.
      return withBuildLock(home, op, async () => {
        const built = await newest();
        if (built !== undefined) return built.image;
        const settings = { home, mirror, arch, ...(host !== undefined && { env: host.env }) };
        return buildLocked(settings, op).catch(async (error: unknown) => {
          const older = MkError.is(error, "DOWNLOAD_FAILED") ? await newestImage(home, arch, () => true) : undefined;
          if (older === undefined) throw error;
          op.log("no mirror answers, taking the image of another version of mk", { digest: older.image.digest });
          return older.image;
        });
      });
    },
  };
}
