import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { build } from "esbuild";

const execute = promisify(execFile);
const HOST = new URL("../../src/host/node-host.ts", import.meta.url).pathname;

export interface HostScript extends AsyncDisposable {
  readonly directory: TemporaryDirectory;
  /** Absolute path of the script, for `node`. */
  readonly path: string;
  /** Runs the script by this command, to which node and the script are appended; answers what it printed, parsed as JSON. */
  run(prefix: readonly string[]): Promise<unknown>;
}

/** A program of its own that has `host`, made by `createNodeHost`: for what can only be tried in another process. */
export async function hostScript(body: string): Promise<HostScript> {
  const directory = await temporaryDirectory();
  await build({
    entryPoints: [HOST],
    outdir: directory.join("host"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "error",
  });
  const path = directory.join("script.mjs");
  const home = JSON.stringify(directory.join("home"));
  await writeFile(
    path,
    `import { createNodeHost } from "./host/node-host.mjs";\nconst host = createNodeHost({ home: ${home} });\n${body}\n`,
  );
  return {
    directory,
    path,
    async run(prefix) {
      const [file = "", ...args] = [...prefix, process.execPath, path];
      const { stdout } = await execute(file, args, { timeout: 25_000 });
      return JSON.parse(stdout);
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
