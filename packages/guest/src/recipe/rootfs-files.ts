import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tree } from "../tree/tree.js";

/**
 * Lays a directory of this package over the tree. Hosts differ in what they keep of modes, so a file is executable if it begins as a script,
 * and line ends are those of Unix.
 */
export async function addRootfsFiles(tree: Tree, directory: URL): Promise<void> {
  const base = fileURLToPath(directory);
  const entries = await readdir(base, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const text = (await readFile(file, "utf8")).replaceAll("\r\n", "\n");
    const path = `/${relative(base, file).split(sep).join("/")}`;
    tree.file(path, text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  }
}
