import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface GoPeers extends AsyncDisposable {
  /** A plugin that misbehaves as PEER_* in its environment asks. */
  readonly plugin: string;
  /** The same plugin under the name for which docker-machine provisions nothing. */
  readonly ciTest: string;
  /** A plugin host that makes the calls of its command line. */
  readonly host: string;
}

/** Builds the peers, which need nothing but Go's standard library. */
export async function buildGoPeers(): Promise<GoPeers> {
  const directory = await mkdtemp(join(tmpdir(), "mk-go-peers-"));
  const source = fileURLToPath(new URL("../go-peer", import.meta.url));
  const plugin = join(directory, "docker-machine-driver-peer");
  const ciTest = join(directory, "docker-machine-driver-ci-test");
  const host = join(directory, "peer-host");
  const build = (output: string, folder: string) =>
    promisify(execFile)("go", ["build", "-o", output, folder], { cwd: source, env: { ...process.env, GOFLAGS: "" } });
  await build(plugin, "./plugin");
  await build(host, "./host");
  await symlink(plugin, ciTest);
  return {
    plugin,
    ciTest,
    host,
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
