import { readAll } from "../tree/contents.js";
import type { Tree, TreeNode } from "../tree/tree.js";
import { typeBits } from "./file-type.js";

const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);

function record(
  name: string,
  inode: number,
  mode: number,
  node: TreeNode | undefined,
  body: Buffer,
): readonly Buffer[] {
  const device = node?.type === "character-device" || node?.type === "block-device" ? node : undefined;
  const fields = [
    inode,
    mode,
    node?.uid ?? 0,
    node?.gid ?? 0,
    node?.type === "directory" ? 2 : 1,
    0, // mtime
    body.length,
    0, // device that holds the file
    0,
    device?.major ?? 0,
    device?.minor ?? 0,
    Buffer.byteLength(name) + 1,
    0, // checksum: newc has none
  ];
  const header = Buffer.from(`070701${fields.map((value) => value.toString(16).padStart(8, "0")).join("")}${name}\0`);
  return [header, padding(header.length), body, padding(body.length)];
}

/**
 * A tree as a cpio archive in the "newc" format, which the kernel unpacks as an initramfs. Times are 0 and inode numbers count up, so the
 * same tree gives the same bytes. Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
 */
export async function cpioArchive(tree: Tree): Promise<Buffer> {
  const parts: Buffer[] = [];
  let inode = 1;
  for (const { path, node } of tree.entries()) {
    if (path === "/") continue;
    const body =
      node.type === "file" ? await readAll(node.contents) : Buffer.from(node.type === "symlink" ? node.target : "");
    parts.push(...record(path.slice(1), inode++, typeBits(node) | node.mode, node, body));
  }
  parts.push(...record("TRAILER!!!", 0, 0, undefined, Buffer.alloc(0)));
  const archive = Buffer.concat(parts);
  // The kernel takes the next archive, if any, from a 4-byte boundary; loaders pad to 512.
  return Buffer.concat([archive, Buffer.alloc((512 - (archive.length % 512)) % 512)]);
}
