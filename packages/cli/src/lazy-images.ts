import type { Host, ImageSource } from "@mk/core";
import { loadGuest } from "./guest.js";

/** The guest images of `@mk/guest`, whose code is loaded only when an image is needed. */
export function lazyImages(options: {
  readonly home: string;
  readonly host: Host;
  readonly mirror?: string;
}): ImageSource {
  let source: Promise<ImageSource> | undefined;
  const images = (): Promise<ImageSource> => {
    source ??= loadGuest().then(({ guestImages }) => guestImages(options));
    return source;
  };
  return {
    find: async (digest) => (await images()).find(digest),
    ensure: async (arch, op) => (await images()).ensure(arch, op),
  };
}
