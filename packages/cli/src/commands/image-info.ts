import type { Command } from "../context.js";
import { resolveDigest } from "../image-digest.js";
import { table } from "../terminal/table.js";
import { formatBytes } from "../terminal/units.js";

export const imageInfo: Command = async (context, [given = ""]) => {
  const guest = await import("@mk/guest");
  const info = await guest.imageInfo(context.home, await resolveDigest(context, given));
  if (context.output === "json") return context.stdout.json(info);
  context.stdout.line(
    table([
      ["digest", info.digest],
      ["architecture", info.arch],
      ["debian", info.debianVersion],
      ["kernel", info.kernelRelease],
      ["size", formatBytes(info.sizeBytes)],
      ["built", info.builtAt],
      ["directory", info.directory],
      ["packages", String(info.packages.length)],
    ]),
  );
};
