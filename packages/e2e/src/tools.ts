import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runTool } from "./run-tool.js";

/** Absolute paths of the installers under test, all of them packages of the registry. */
export interface Tools {
  readonly pnpm10: string;
  readonly pnpm12: string;
  readonly yarn: string;
  readonly bun: string;
}

/** Official binaries as npm packages; no install script runs. */
export async function installTools(directory: string, env: Readonly<Record<string, string>>): Promise<Tools> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "package.json"), "{}");
  const wanted = [
    "pnpm10@npm:pnpm@10.34.9",
    "pnpm12@npm:pnpm@12.21.0",
    "yarn@1.22.22",
    "@oven/bun-linux-x64-baseline@1.4.5",
  ];
  await runTool("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...wanted], { cwd: directory, env });
  const modules = join(directory, "node_modules");
  return {
    pnpm10: join(modules, "pnpm10/bin/pnpm.cjs"),
    pnpm12: join(modules, "@pnpm/exe.linux-x64/pnpm"),
    yarn: join(modules, "yarn/bin/yarn.js"),
    bun: join(modules, "@oven/bun-linux-x64-baseline/bin/bun"),
  };
}
