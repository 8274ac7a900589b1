import type { DataEntry } from "../deb/data-entries.js";
import { type Contents, readAll, type Spool } from "../tree/contents.js";
import { Tree, type TreeNode } from "../tree/tree.js";

/** Lays the files of a package over the tree. Later packages win, as with dpkg's --force-overwrite; Debian's do not overlap. */
export async function unpackInto(
  tree: Tree,
  entries: AsyncIterable<DataEntry>,
  spool: Spool,
  wanted: (path: string) => boolean,
): Promise<void> {
  const links: { readonly path: string; readonly target: string }[] = [];
  for await (const entry of entries) {
    if (entry.path === "/" || !wanted(Tree.canonical(entry.path))) continue;
    const { path, mode, uid, gid } = entry;
    switch (entry.type) {
      case "file": {
        const contents: Contents = await spool.add(entry.body, entry.size);
        tree.put(path, { type: "file", mode, uid, gid, contents });
        break;
      }
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
