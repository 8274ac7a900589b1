import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runTool } from "./run-tool.js";

type Manifest = Readonly<Record<string, unknown>>;

/** Packs another release of a package: its tarball with a changed manifest, and other files in the place of its own. */
export async function repack(
  tarball: string,
  directory: string,
  change: (manifest: Manifest) => Manifest,
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const at = { cwd: directory, env: { PATH: process.env.PATH ?? "" } };
  await mkdir(directory, { recursive: true });
  await runTool("tar", ["-xzf", tarball], at);
  const place = join(directory, "package");
  const manifest = JSON.parse(await readFile(join(place, "package.json"), "utf8")) as Manifest;
  await writeFile(join(place, "package.json"), JSON.stringify(change(manifest)));
  for (const [path, text] of Object.entries(files)) await writeFile(join(place, path), text);
  await runTool("tar", ["-czf", "changed.tgz", "package"], at);
  return join(directory, "changed.tgz");
}
