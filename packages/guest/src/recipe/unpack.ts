import type { DataEntry } from "../deb/data-entries.js";
import { type Contents, readAll, type Spool } from "../tree/contents.js";
import { Tree, type TreeNode } from "../tree/tree.js";

/** An entry of a package whose contents are kept. */
export type UnpackedEntry =
  | Exclude<DataEntry, { readonly type: "file" }>
  | (Omit<Extract<DataEntry, { readonly type: "file" }>, "size" | "body"> & { readonly contents: Contents });

/** Reads the wanted files of a package. */
export async function unpack(
  entries: AsyncIterable<DataEntry>,
  spool: Spool,
  wanted: (path: string) => boolean,
): Promise<readonly UnpackedEntry[]> {
  const unpacked: UnpackedEntry[] = [];
  for await (const entry of entries) {
    if (entry.path === "/" || !wanted(Tree.canonical(entry.path))) continue;
    if (entry.type === "file") {
      const { size, body, ...rest } = entry;
      unpacked.push({ ...rest, contents: await spool.add(body, size) });
    } else unpacked.push(entry);
  }
  return unpacked;
}

/** Lays the files of a package over the tree. Later packages win, as with dpkg's --force-overwrite; Debian's do not overlap. */
export function layOver(tree: Tree, entries: readonly UnpackedEntry[]): void {
  const links: { readonly path: string; readonly target: string }[] = [];
  for (const { path, mode, uid, gid, ...entry } of entries) {
    switch (entry.type) {
      case "file":
        tree.put(path, { type: "file", mode, uid, gid, contents: entry.contents });
        break;
      case "directory":
        // The directories of merged-usr are links; a package that ships /lib means /usr/lib.
        if (tree.get(path)?.type !== "directory") tree.put(path, { type: "directory", mode, uid, gid });
        break;
      case "symlink":
        tree.symlink(path, entry.target);
        break;
      case "link":
        links.push({ path, target: entry.target });
        break;
      default:
        entry satisfies never;
    }
  }
  // A hard link is a second name for the same contents, and the writers keep those once.
  for (const { path, target } of links) {
    const node: TreeNode | undefined = tree.get(target);
    if (node !== undefined) tree.put(path, node);
  }
}

/** The text of a file of the tree; undefined when it is not there. */
export async function readTreeFile(tree: Tree, path: string): Promise<Buffer | undefined> {
  const resolved = tree.resolve(path);
  const node = resolved === undefined ? undefined : tree.get(resolved);
  return node?.type === "file" ? readAll(node.contents) : undefined;
}
