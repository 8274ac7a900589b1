import { MkError } from "@mk/core";
import type { Context } from "./context.js";

/** The whole digest of an image, of which the user may write the first characters, with or without `sha256:`. IMAGE_ABSENT, INVALID_ARGUMENT. */
export async function resolveDigest({ home }: Pick<Context, "home">, given: string): Promise<string> {
  const wanted = given.replace(/^sha256:/, "");
  if (!/^[0-9a-f]{4,64}$/.test(wanted)) {
    throw new MkError("INVALID_ARGUMENT", `${JSON.stringify(given)} is not the digest of an image`, {
      hint: "Copy one from: mk image list",
    });
  }
  const { listImages } = await import("@mk/guest");
  const matches = (await listImages(home))
    .map(({ digest }) => digest)
    .filter((digest) => digest.startsWith(`sha256:${wanted}`));
  const [digest, another] = matches;
  if (digest === undefined) {
    throw new MkError("IMAGE_ABSENT", `there is no guest image ${given}`, { hint: "See all images: mk image list" });
  }
  if (another === undefined) return digest;
  throw new MkError("INVALID_ARGUMENT", `${matches.length} guest images begin with ${given}`, {
    hint: "Write more of the digest.",
  });
}

/** The first characters of a digest, enough to tell images of one computer apart. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}
