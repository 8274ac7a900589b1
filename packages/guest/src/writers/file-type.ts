import type { TreeNode } from "../tree/tree.js";

/** The type bits of st_mode. Source: man 7 inode. */
export function typeBits(node: TreeNode): number {
  switch (node.type) {
    case "file":
      return 0o100000;
    case "directory":
      return 0o040000;
    case "symlink":
      return 0o120000;
    case "character-device":
      return 0o020000;
    case "block-device":
      return 0o060000;
    default:
      node satisfies never;
      return 0;
  }
}
