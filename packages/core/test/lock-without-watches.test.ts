import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createNodeHost } from "@mk/core";
import { requireTool, temporaryDirectory } from "@mk/testing";
import { expect, it } from "vitest";
import { acquireLock } from "../src/store/lock.js";
import { bundle } from "./step-kill/bundle.js";

it("a lock passes on where the user has no file watches left", async (context) => {
  const missing = await requireTool("linux", "program:unshare");
  if (missing !== undefined) context.skip(missing);
  await using directory = await temporaryDirectory("mk-lock-");
  const worker = await bundle(join(import.meta.dirname, "lock-stress", "wait-worker.ts"), directory.path);
  const path = directory.join("one.lock");
  const { processes } = createNodeHost();
  const signal = new AbortController().signal;
  const lock = await acquireLock(path, { processes, command: "mk test one", waitMs: 0, signal });
  // The limit is that of a user in a name space: nobody else's watches are touched.
  const child = spawn(
    "unshare",
    [
      "-Ur",
      "sh",
      "-c",
      'echo 0 >/proc/sys/user/max_inotify_watches && exec "$@"',
      "sh",
      process.execPath,
      worker,
      path,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const said: string[] = [];
  const errors: string[] = [];
  child.stderr.on("data", (chunk: Buffer) => errors.push(String(chunk)));
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (line === "waiting") await lock.release();
  }
  if (child.exitCode === null) await once(child, "exit");
  expect({ said, errors: errors.join("") }).toEqual({ said: ["waiting", "taken"], errors: "" });
});
