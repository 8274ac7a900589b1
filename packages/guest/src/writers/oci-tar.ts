import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { ReadableStream } from "node:stream/web";
import { createTarPacker, type TarPackController } from "modern-tar";
import { readContents } from "../tree/contents.js";
import type { Tree, TreeEntry } from "../tree/tree.js";

export interface OciTarOptions {
  /** Seconds since the epoch: the time of every file. */
  readonly timeSeconds: number;
  readonly signal: AbortSignal;
}

async function addEntry(archive: TarPackController, { path, node }: TreeEntry, mtime: Date): Promise<void> {
  const { type, mode, uid, gid } = node;
  const header = { name: path.slice(1), type, mode, uid, gid, mtime, size: 0 };
  switch (node.type) {
    case "file": {
      const body = archive.add({ ...header, size: node.contents.size });
      return ReadableStream.from(readContents(node.contents)).pipeTo(body);
    }
    case "directory":
      return archive.add({ ...header, name: `${header.name}/` }).close();
    case "symlink":
      return archive.add({ ...header, linkname: node.target }).close();
    case "character-device":
    case "block-device":
      // Engines mount a /dev of their own in every container; one without root could not make the device either.
      return;
    default:
      node satisfies never;
  }
}

/** Writes a tree, but for its devices, as a tar that container engines import as an image's root. The same tree gives the same bytes. */
export async function writeOciTar(path: string, tree: Tree, options: OciTarOptions): Promise<void> {
  const { readable, controller } = createTarPacker();
  const mtime = new Date(options.timeSeconds * 1000);
  const written = pipeline(readable, createWriteStream(path, { flags: "wx", mode: 0o600, highWaterMark: 1 << 20 }), {
    signal: options.signal,
  });
  const filled = (async () => {
    for (const entry of tree.entries()) {
      options.signal.throwIfAborted();
      if (entry.path !== "/") await addEntry(controller, entry, mtime);
    }
    controller.finalize();
  })();
  await Promise.all([written, filled]);
}
