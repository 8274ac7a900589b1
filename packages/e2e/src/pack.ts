import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runTool } from "./run-tool.js";

export interface PackedPackage {
  readonly name: string;
  readonly version: string;
  readonly tarball: string;
}

const packages = fileURLToPath(new URL("../..", import.meta.url));

/** Packs every published package of the workspace into `directory`, as a release does. Needs them built. */
export async function packPackages(
  directory: string,
  env: Readonly<Record<string, string>>,
): Promise<readonly PackedPackage[]> {
  const packed = (await readdir(packages)).map(async (folder): Promise<PackedPackage | undefined> => {
    const manifest = JSON.parse(await readFile(join(packages, folder, "package.json"), "utf8")) as {
      private?: boolean;
    };
    if (manifest.private) return undefined;
    const { stdout } = await runTool("pnpm", ["pack", "--json", "--pack-destination", directory], {
      cwd: join(packages, folder),
      env,
    });
    const { name, version, filename } = JSON.parse(stdout) as { name: string; version: string; filename: string };
    return { name, version, tarball: filename };
  });
  return (await Promise.all(packed)).filter((each) => each !== undefined);
}
