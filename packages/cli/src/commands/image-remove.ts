import type { Command } from "../context.js";
import { done } from "../done.js";
import { resolveDigest, shortDigest } from "../image-digest.js";

/** Images that machines were made from stay. */
export const imageRemove: Command = async (context, given) => {
  const { removeImage } = await import("@mk/guest");
  const machines = await (await context.mk()).list({ signal: context.signal });
  const used = machines.flatMap(({ spec }) => spec.imageDigest ?? []);
  for (const word of given) {
    const digest = await resolveDigest(context, word);
    await removeImage(context.home, digest, used);
    done(context, `Removed ${shortDigest(digest)}.`);
  }
};
