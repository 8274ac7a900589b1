// Waits for a lock. argv: its path. Says "waiting" when it is held by another, "taken" when it was given.
import { createNodeHost } from "@mk/core";
import { acquireLock } from "../../src/store/lock.js";

const [path = ""] = process.argv.slice(2);
const lock = await acquireLock(path, {
  processes: createNodeHost().processes,
  command: "mk test",
  waitMs: 60_000,
  signal: new AbortController().signal,
  onWait: () => process.stdout.write("waiting\n"),
});
process.stdout.write("taken\n");
await lock.release();
