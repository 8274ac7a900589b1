import type { ImageSource } from "@mk/core";

/** The guest images of `@mk/guest`, whose code is loaded only when an image is needed. */
export function lazyImages(options: {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}): ImageSource {
  let source: Promise<ImageSource> | undefined;
  const images = (): Promise<ImageSource> => {
    source ??= import("@mk/guest").then(({ guestImages }) => guestImages(options));
    return source;
  };
  return {
    find: async (digest) => (await images()).find(digest),
    ensure: async (arch, op) => (await images()).ensure(arch, op),
  };
}
