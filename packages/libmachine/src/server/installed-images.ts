import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
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
  const path = guestPackage();
  if (path === undefined) {
    throw new MkError("IMAGE_ABSENT", "the package @mk/guest, which makes guest images, is not installed", {
      hint: "Install it next to the driver with `npm install --global @mk/guest`.",
    });
  }
  const guest = (await import(pathToFileURL(path).href)) as GuestPackage;
  // The images of the user's own mk, so that one is built once.
  return guest.guestImages({ home: process.env.MK_HOME || join(homedir(), ".mk") });
}

/** Beside this package, beside the program that runs, or inside the mk command's package: installers differ in where they put it. */
function guestPackage(): string | undefined {
  const here = fileURLToPath(import.meta.url);
  const program = process.argv[1] ?? here;
  const cli = resolveFrom(here, "@mk/cli/package.json") ?? here;
  return resolveFrom(here, "@mk/guest") ?? resolveFrom(program, "@mk/guest") ?? resolveFrom(cli, "@mk/guest");
}

function resolveFrom(file: string, specifier: string): string | undefined {
  try {
    return createRequire(file).resolve(specifier);
  } catch {
    return undefined;
  }
}
