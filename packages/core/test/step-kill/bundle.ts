import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";

/** Bundles a TypeScript file beside this one into `directory` so that plain Node runs it; answers its path. */
export async function bundle(entry: string, directory: string): Promise<string> {
  await build({
    entry: { [entry]: join(dirname(fileURLToPath(import.meta.url)), `${entry}.ts`) },
    outDir: directory,
    format: ["esm"],
    target: "node20",
    outExtension: () => ({ js: ".mjs" }),
    noExternal: [/^@mk\//],
    external: ["ssh2"],
    splitting: false,
    clean: false,
    silent: true,
    config: false,
    esbuildOptions(options) {
      options.conditions = ["@mk/source"];
    },
  });
  return join(directory, `${entry}.mjs`);
}
