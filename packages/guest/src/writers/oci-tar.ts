import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { readContents } from "../tree/contents.js";
import type { Tree, TreeEntry } from "../tree/tree.js";

export interface OciTarOptions {
  /** Seconds since the epoch: the time of every file. */
  readonly timeSeconds: number;
  readonly signal: AbortSignal;
}

async function addEntry(archive: Pack, { path, node }: TreeEntry, mtime: Date): Promise<void> {
  const name = node.type === "directory" ? `${path.slice(1)}/` : path.slice(1);
  const header = { name, mode: node.mode, uid: node.uid, gid: node.gid, mtime, uname: "", gname: "" };
  if (node.type === "file") {
    const { size } = node.contents;
    const entry = archive.entry({ ...header, type: "file", size });
    await pipeline(readContents(node.contents), entry);
    return;
  }
  if (node.type === "directory") archive.entry({ ...header, type: "directory" });
  else if (node.type === "symlink") archive.entry({ ...header, type: "symlink", linkname: node.target });
  else archive.entry({ ...header, type: node.type, devmajor: node.major, devminor: node.minor });
}

/** Writes a tree as a tar that container engines import as an image's root. The same tree gives the same bytes. */
export async function writeOciTar(path: string, tree: Tree, options: OciTarOptions): Promise<void> {
  const archive = pack();
  const mtime = new Date(options.timeSeconds * 1000);
  const written = pipeline(archive, createWriteStream(path, { flags: "wx", mode: 0o600, highWaterMark: 1 << 20 }), {
    signal: options.signal,
  });
  const filled = (async () => {
    for (const entry of tree.entries()) {
      options.signal.throwIfAborted();
      if (entry.path !== "/") await addEntry(archive, entry, mtime);
    }
    archive.finalize();
  })();
  await Promise.all([written, filled]);
}
