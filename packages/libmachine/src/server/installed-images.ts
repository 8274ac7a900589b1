import { homedir } from "node:os";
import { join } from "node:path";
import { type ImageSource, MkError } from "@mk/core";

interface GuestPackage {
  guestImages(options: { readonly home: string }): ImageSource;
}

/** The guest images of `@mk/guest`, loaded when one is needed. The package is optional: drivers that boot nothing of ours do without. */
export function installedImages(): ImageSource {
  let source: Promise<ImageSource> | undefined;
  const images = (): Promise<ImageSource> => {
    source ??= load();
    return source;
  };
  return {
    find: async (digest) => await (await images()).find(digest),
    ensure: async (arch, op) => await (await images()).ensure(arch, op),
  };
}

async function load(): Promise<ImageSource> {
  // Not a literal: the compiler and the bundler must not look for it.
  const name = ["@mk", "guest"].join("/");
  const guest = (await import(name).catch((cause: unknown) => {
    throw new MkError("IMAGE_ABSENT", "the package @mk/guest, which makes guest images, is not installed", {
      hint: "Install it next to the driver with `npm install --global @mk/guest`.",
      cause,
    });
  })) as GuestPackage;
  // The images of the user's own mk, so that one is built once.
  return guest.guestImages({ home: process.env.MK_HOME || join(homedir(), ".mk") });
}
