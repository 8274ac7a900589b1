import { join } from "node:path";
import type { Files, Host } from "../contract/host.js";

const KEY = /^[a-z0-9][a-z0-9.-]{0,63}$/;
const MAX_BYTES = 1024 * 1024;

/** Facts kept in files until the host reboots. A damaged file is as good as none: facts can be found again. */
export function bootCache(directory: string, files: Files, bootId: () => Promise<string>): Host["cache"] {
  const pathOf = (key: string): string => {
    if (!KEY.test(key)) throw new TypeError(`the cache key ${JSON.stringify(key)} does not match ${KEY}`);
    return join(directory, `${key}.json`);
  };
  return {
    async read(key) {
      const path = pathOf(key);
      try {
        const text = await files.readText(path, { maxBytes: MAX_BYTES });
        const entry: unknown = text === undefined ? undefined : JSON.parse(text);
        if (typeof entry !== "object" || entry === null || !("bootId" in entry) || !("value" in entry))
          return undefined;
        return entry.bootId === (await bootId()) ? entry.value : undefined;
      } catch {
        return undefined;
      }
    },
    async write(key, value) {
      const path = pathOf(key);
      await files.makeDirectory(directory);
      await files.write(path, JSON.stringify({ bootId: await bootId(), value }));
    },
  };
}
