import { join } from "node:path";
import type { Published } from "./published.js";
import { runTool } from "./run-tool.js";

/**
 * Builds a driver package as its author does, of what the registry has alone, and packs it. Resolves with the tarball and with what its own
 * tests, the contract among them, printed.
 */
export async function buildDriver(
  place: string,
  { env, join: below }: Published,
): Promise<{ tarball: string; tests: string }> {
  const at = { cwd: place, env };
  await runTool("npm", ["install", "--no-audit", "--no-fund"], at);
  const { stdout: tests } = await runTool("npm", ["test"], at);
  // The newest npm answers by package, those before it with a list.
  const { stdout } = await runTool("npm", ["pack", "--json", "--pack-destination", below()], at);
  const [packed] = Object.values(
    JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as Record<string, { filename: string }>,
  );
  if (packed === undefined) throw new Error(`npm pack said nothing: ${stdout}`);
  return { tarball: join(below(), packed.filename), tests };
}
