import type { Files, Machine } from "@mk/core";

/**
 * A machine's `console` ability over the file its serial port is written to. The driver makes that file new at each start, so it holds
 * the bytes since the last one.
 */
export function serialConsole(files: Files, path: string): NonNullable<Machine["console"]> {
  return { read: (signal) => files.follow(path, { signal }) };
}
