import { readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory } from "../host/atomic-write.js";
import { errnoOf, fileError } from "../host/file-error.js";
import { parseJson } from "./parse-json.js";
import { writeFileAtomic } from "./write-file-atomic.js";

/** One JSON value in a file, replaced atomically. What does not parse reads as undefined: callers hold it for a hint, never for truth. */
export interface JsonFile {
  read(): Promise<unknown>;
  write(value: unknown): Promise<void>;
  clear(): Promise<void>;
}

export function createJsonFile(path: string): JsonFile {
  return {
    async read() {
      try {
        return parseJson(await readFile(path, "utf8"));
      } catch (error) {
        if (error instanceof SyntaxError) return undefined;
        if (["ENOENT", "ENOTDIR", "EISDIR"].includes(errnoOf(error) ?? "")) return undefined;
        throw fileError(error, "read", path);
      }
    },
    async write(value) {
      await writeFileAtomic(path, `${JSON.stringify(value)}\n`);
    },
    async clear() {
      try {
        await rm(path, { force: true });
        await syncDirectory(dirname(path), process.platform).catch(() => undefined);
      } catch (error) {
        throw fileError(error, "remove", path);
      }
    },
  };
}
