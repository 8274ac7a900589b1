import { hintOf } from "@mk/core";
import type { Command } from "../context.js";
import { shortDigest } from "../image-digest.js";
import { table } from "../terminal/table.js";
import { formatAge, formatBytes } from "../terminal/units.js";

export const imageList: Command = async ({ home, stdout, stderr, output, quiet, palette }) => {
  const { listImages } = await import("@mk/guest");
  const images = await listImages(home);
  if (output === "json") return stdout.json(images);
  if (quiet) {
    for (const { digest } of images) stdout.line(digest);
    return;
  }
  if (images.length === 0) return stderr.line("There are no guest images. `mk start` builds one, or: mk image build");
  const rows = images.map((image) => {
    if ("problem" in image) return [shortDigest(image.digest), "damaged"];
    const { digest, arch, debianVersion, kernelRelease, sizeBytes, builtAt } = image;
    return [
      shortDigest(digest),
      arch,
      debianVersion,
      kernelRelease,
      formatBytes(sizeBytes),
      formatAge(Date.now() - Date.parse(builtAt)),
    ];
  });
  stdout.line(table([["DIGEST", "ARCH", "DEBIAN", "KERNEL", "SIZE", "AGE"], ...rows]));
  for (const image of images) {
    if (!("problem" in image)) continue;
    stderr.line(`${palette.yellow("!")} ${image.problem.message}. ${hintOf(image.problem)}`);
  }
};
