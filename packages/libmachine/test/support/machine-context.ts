import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeHost, type MachineContext } from "@mk/core";

export interface TemporaryContext extends MachineContext, AsyncDisposable {}

/** A machine's context in a folder of its own, which is removed with it. */
export async function machineContext(
  name = "m1",
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<TemporaryContext> {
  const directory = await mkdtemp(join(tmpdir(), "mk-libmachine-"));
  const id = randomUUID();
  let record: unknown;
  return {
    name,
    id,
    directory,
    host: createNodeHost({ home: directory, env: { ...process.env, ...env } }),
    spec: { name, id, cpus: 3, memoryMiB: 1024, diskMiB: 4096, arch: "amd64", mounts: [], ports: [] },
    image: () => Promise.reject(new TypeError("this driver boots no image")),
    seed: () => Promise.resolve([]),
    record: {
      read: () => Promise.resolve(record),
      async write(value) {
        record = JSON.parse(JSON.stringify(value));
      },
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
