import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Standard output of the docker CLI: what a user would see, asked by other means than the driver's. */
export async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute("docker", args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

/** Of machines of other suites, which use the engine at the same time. Those of the suite that asks are called `live-…`. */
const OF_OTHERS = /^\w+ (?:[0-9a-f]{64} )?mk-(?!live-)/;

/** Everything in the engine but images, which are a cache, and {@link OF_OTHERS}; one line each. */
export async function dockerInventory(): Promise<readonly string[]> {
  const [containers, networks, volumes] = await Promise.all([
    docker("ps", "--all", "--no-trunc", "--format", "container {{.ID}} {{.Names}}"),
    docker("network", "ls", "--no-trunc", "--format", "network {{.ID}} {{.Name}}"),
    docker("volume", "ls", "--format", "volume {{.Name}}"),
  ]);
  return [containers, networks, volumes]
    .flatMap((text) => text.split("\n"))
    .filter((line) => line !== "" && !OF_OTHERS.test(line))
    .sort();
}
