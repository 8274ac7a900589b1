import { basename, join } from "node:path";
import { build, type Options } from "tsup";
import built from "../../tsup.config.js";

/** Bundles a TypeScript file into `directory` so that plain Node runs it; answers its path. */
export async function bundle(file: string, directory: string): Promise<string> {
  const entry = basename(file, ".ts");
  await build({
    entry: { [entry]: file },
    outDir: directory,
    format: ["esm"],
    target: "node20",
    outExtension: () => ({ js: ".mjs" }),
    noExternal: [/^@mk\//],
    external: ["ssh2"],
    define: (built as Options).define ?? {},
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
