import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../host/file-error.js";
import type { Home } from "./home.js";

/** Enough for a lock, an intent and the directory entries of a stop or a deletion. */
const BYTES = 64 * 1024;

/** Space that is kept so that machines can be stopped and deleted when the disk is full, which takes a lock and an intent first. */
export interface Reserve {
  /** Takes the space if it can be had. */
  fill(): Promise<void>;
  /** Gives the space back; the next `fill` takes it again. */
  spend(): Promise<void>;
}

export function createReserve(home: Home): Reserve {
  const path = join(home.root, "reserve");
  return {
    async fill() {
      try {
        const file = await open(path, "wx", 0o600);
        try {
          // Written, not only sized: a hole reserves nothing.
          await file.writeFile(Buffer.alloc(BYTES, "mk "));
        } finally {
          await file.close();
        }
      } catch (error) {
        // It is there; or the disk is full already, and then the command that runs now says so when it needs space.
        if (errnoOf(error) !== "EEXIST") await rm(path, { force: true }).catch(() => undefined);
      }
    },
    spend: () => rm(path, { force: true }),
  };
}
