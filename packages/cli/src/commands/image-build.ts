import { createEventLog, type GuestArch, runOperation } from "@mk/core";
import type { Command } from "../context.js";
import { done } from "../done.js";
import { text } from "../flags.js";
import { shortDigest } from "../image-digest.js";
import { parseArch } from "../parse-start.js";

/** A build on a slow line takes its time; one that moves nothing for this long is stuck. */
const LIMITS = { idleMs: 120_000, totalMs: 3_600_000 };

export const imageBuild: Command = async (context, _, flags) => {
  const { home, env, signal } = context;
  const given = text(flags, "arch");
  const arch: GuestArch = parseArch(given ?? process.arch);
  const mirror = text(flags, "mirror");
  const { buildImage } = await import("@mk/guest");
  const events = createEventLog(context.onEvent);
  const emit = (data: Parameters<typeof events.emit>[1]) => events.emit("mk:///images", data);
  const operation = {
    name: "image-build",
    what: `build of the guest image for ${arch}`,
    hint: "Check the network, or choose another mirror with --mirror, then build it again: it goes on where it stopped.",
    signal,
    limits: LIMITS,
    emit,
  } as const;
  const image = await runOperation(operation, (op) =>
    buildImage({ home, env, arch, ...(mirror !== undefined && { mirror }) }, op),
  );
  if (context.output === "json") return;
  if (context.quiet) context.stdout.line(image.digest);
  else done(context, `Built ${shortDigest(image.digest)}: Debian ${image.debianVersion} for ${image.arch}.`);
};
