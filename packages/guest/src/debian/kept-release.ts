import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

const keptPath = (directory: string, url: string): string =>
  join(directory, `InRelease-${createHash("sha256").update(url).digest("hex").slice(0, 16)}`);

/** The signed release file that was last taken from this address, as it was; undefined when none was. */
export async function readKeptRelease(directory: string, url: string): Promise<string | undefined> {
  return readFile(keptPath(directory, url), "utf8").catch(() => undefined);
}

/** Keeps a release file for the next build. */
export async function keepRelease(directory: string, url: string, text: string): Promise<void> {
  const path = keptPath(directory, url);
  const draft = `${path}.${randomUUID()}`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}
