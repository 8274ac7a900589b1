import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Host } from "@mk/core";
import type { Command } from "../context.js";

/** Commands by which installers say where they put global packages. Slow (up to half a second each), so only asked here. */
const INSTALLERS = [
  { name: "npm", args: ["root", "-g"], below: "" },
  { name: "pnpm", args: ["root", "-g"], below: "" },
  { name: "yarn", args: ["global", "dir"], below: "node_modules" },
  { name: "bun", args: ["pm", "bin", "-g"], below: "../install/global/node_modules" },
] as const;

/** Finds drivers that lie where an installer puts them and mk does not look, and says how to make mk see them. */
export const driverDoctor: Command = async ({ discover, host, stdout, output, signal, env }) => {
  const { found, skipped, roots } = await discover();
  const searched = roots.map(({ directory, kind }) => ({ directory, kind }));
  const elsewhere: { installer: string; directory: string; packages: readonly string[]; fix: string }[] = [];
  const own = await host();
  for (const installer of INSTALLERS) {
    const root = await globalRoot(own, installer, signal);
    for (const directory of root === undefined ? [] : await modulesOf(root)) {
      if (searched.some((known) => known.directory === directory)) continue;
      const packages = await driverPackages(directory);
      const unseen = packages.filter((name) => !found.some(({ manifest }) => manifest?.packageName === name));
      if (unseen.length > 0) {
        elsewhere.push({
          installer: installer.name,
          directory,
          packages: unseen,
          fix: `Run: mk driver add ${unseen.join(" ")}`,
        });
      }
    }
  }
  if (output === "json") return stdout.json({ searched, found: found.length, skipped, elsewhere });
  stdout.line("mk looks for drivers in:");
  for (const { directory, kind } of searched) {
    if ((await own.files.stat(directory)) !== undefined) stdout.line(`  ${directory} (${kind})`);
  }
  stdout.line(`It found ${found.length === 0 ? "none" : found.map(({ name }) => name).join(", ")}.`);
  for (const { name, reason, origin } of skipped) stdout.line(`  skipped ${name}: ${reason} (${origin})`);
  for (const { installer, directory, packages, fix } of elsewhere) {
    stdout.line(`${installer} has ${packages.join(", ")} in ${directory}, where this mk does not look.\n  ${fix}`);
  }
  if (env.NODE_PATH) stdout.line("NODE_PATH is set; mk does not look there.");
};

async function globalRoot(
  host: Host,
  installer: (typeof INSTALLERS)[number],
  signal: AbortSignal,
): Promise<string | undefined> {
  const program = await host.which(installer.name);
  if (program === undefined) return undefined;
  // Not in the working directory: yarn runs the program that a .yarnrc there names.
  const cwd = host.homeDirectory;
  const { stdout, exitCode } = await host.run(program, installer.args, { signal, cwd, allowFailure: true });
  const directory = stdout.trim().split("\n").at(-1) ?? "";
  if (exitCode !== 0 || directory === "") return undefined;
  return await host.files.realpath(join(directory, installer.below));
}

/** From 11 on pnpm gives each global install a directory of its own in the one it names: `global/v11/<hash>/node_modules`. */
async function modulesOf(root: string): Promise<readonly string[]> {
  if (!/^v\d+$/.test(basename(root))) return [root];
  const installs = await readdir(root).catch(() => []);
  return installs.sort().map((install) => join(root, install, "node_modules"));
}

async function driverPackages(root: string): Promise<readonly string[]> {
  const names = await readdir(root).catch(() => []);
  const scoped = await Promise.all(
    names
      .filter((name) => name.startsWith("@"))
      .map(async (scope) => {
        const own = await readdir(join(root, scope)).catch(() => []);
        return own.map((name) => `${scope}/${name}`);
      }),
  );
  return [...names, ...scoped.flat()].filter((name) => /^(?:@mk\/driver-|(?:@[^/]+\/)?mk-driver-)/.test(name)).sort();
}
