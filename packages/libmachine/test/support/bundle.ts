import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export interface Bundle extends AsyncDisposable {
  /** Path of the program. */
  readonly path: string;
}

/** Makes a program that Node runs of a TypeScript file among the tests, with all sources it imports. */
export async function bundle(source: string, name: string): Promise<Bundle> {
  // Below this package, so that what is not bundled is found.
  const cache = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, "bundle-"));
  const path = join(directory, `${name}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL(`../${source}`, import.meta.url))],
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@mk/source"],
    external: ["ssh2", "cpu-features", "@mk/guest"],
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: "error",
  });
  await chmod(path, 0o755);
  // Started by path, from beside the code that does so.
  await copyFile(fileURLToPath(new URL("../../src/host/keeper.js", import.meta.url)), join(directory, "keeper.js"));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
