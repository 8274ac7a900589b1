import { open } from "node:fs/promises";
import { posix } from "node:path";
import { bytesContents, type Contents, readContents, readRange } from "../tree/contents.js";
import { comparePaths, type Tree, type TreeEntry, type TreeNode } from "../tree/tree.js";
import { crc32c } from "./crc32c.js";
import { typeBits } from "./file-type.js";

const BLOCK_BYTES = 4096;
const SUPERBLOCK_OFFSET = 1024;
const SUPERBLOCK_BYTES = 128;
const MAGIC = 0xe0f5e1e2;
const INODE_BYTES = 32;
const DIRENT_BYTES = 12;
const LAYOUT_PLAIN = 0;
const LAYOUT_INLINE = 2;
const COMPAT_CHECKSUM = 1;

export interface ErofsOptions {
  /** 16 bytes that identify the file system. */
  readonly uuid: Uint8Array;
  /** Seconds since the epoch: the time of every file. */
  readonly timeSeconds: number;
  /** At most 15 characters of ASCII. */
  readonly label: string;
  readonly signal: AbortSignal;
}

interface Inode {
  readonly entry: TreeEntry;
  readonly number: number;
  readonly size: number;
  /** Bytes kept behind the inode; the rest fills whole blocks. */
  readonly tail: number;
  readonly contents: Contents | undefined;
  readonly children: readonly string[];
  offset: number;
  firstBlock: number;
}

const direntType = (node: TreeNode): number =>
  ({ file: 1, directory: 2, "character-device": 3, "block-device": 4, symlink: 7 })[node.type];

/** The kernel's new_encode_dev(). */
const encodeDevice = (major: number, minor: number): number =>
  ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;

const alignBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES);

/** Splits directory entries, sorted by name, into blocks: names follow the entries of their own block. */
function directoryBlocks(names: readonly string[]): readonly (readonly string[])[] {
  const blocks: string[][] = [[]];
  let used = 0;
  for (const name of names) {
    const needed = DIRENT_BYTES + Buffer.byteLength(name);
    if (used + needed > BLOCK_BYTES) {
      blocks.push([]);
      used = 0;
    }
    blocks.at(-1)!.push(name);
    used += needed;
  }
  return blocks;
}

const blockSize = (names: readonly string[]): number =>
  names.reduce((sum, name) => sum + DIRENT_BYTES + Buffer.byteLength(name), 0);

function directorySize(names: readonly string[]): number {
  const blocks = directoryBlocks(names);
  return (blocks.length - 1) * BLOCK_BYTES + blockSize(blocks.at(-1)!);
}

/** The bytes of a directory once every inode has its place. */
function directoryBytes(inode: Inode, inodes: ReadonlyMap<string, Inode>): Buffer {
  const { path } = inode.entry;
  const target = (name: string): Inode =>
    inodes.get(name === "." ? path : name === ".." ? posix.dirname(path) : posix.join(path, name))!;
  const result = Buffer.alloc(inode.size);
  for (const [index, names] of directoryBlocks(inode.children).entries()) {
    const start = index * BLOCK_BYTES;
    let nameOffset = names.length * DIRENT_BYTES;
    for (const [position, name] of names.entries()) {
      const at = start + position * DIRENT_BYTES;
      const child = target(name);
      result.writeBigUInt64LE(BigInt(child.offset / INODE_BYTES), at);
      result.writeUInt16LE(nameOffset, at + 8);
      result.writeUInt8(direntType(child.entry.node), at + 10);
      nameOffset += result.write(name, start + nameOffset);
    }
  }
  return result;
}

function plan(tree: Tree): Map<string, Inode> {
  const entries = tree.entries();
  const children = new Map<string, string[]>();
  for (const { path, node } of entries) {
    if (node.type === "directory") children.set(path, [".", ".."]);
    if (path !== "/") children.get(posix.dirname(path))!.push(posix.basename(path));
  }
  const inodes = new Map<string, Inode>();
  for (const [index, entry] of entries.entries()) {
    const { path, node } = entry;
    const names = (children.get(path) ?? []).sort(comparePaths);
    const contents =
      node.type === "file" ? node.contents : node.type === "symlink" ? bytesContents(node.target) : undefined;
    const size = node.type === "directory" ? directorySize(names) : (contents?.size ?? 0);
    const rest = size % BLOCK_BYTES;
    // A tail must lie in the same block as its inode; one that cannot gets a block of its own.
    const tail = rest + INODE_BYTES <= BLOCK_BYTES ? rest : 0;
    inodes.set(path, { entry, number: index + 1, size, tail, contents, children: names, offset: 0, firstBlock: 0 });
  }
  return inodes;
}

/** Gives every inode and every run of data blocks its place; returns the image's size in blocks. */
function place(inodes: ReadonlyMap<string, Inode>): { readonly metadataBlocks: number; readonly blocks: number } {
  let offset = SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES;
  for (const inode of inodes.values()) {
    const needed = INODE_BYTES + inode.tail;
    if ((offset % BLOCK_BYTES) + needed > BLOCK_BYTES) offset = alignBlocks(offset) * BLOCK_BYTES;
    inode.offset = offset;
    offset = Math.ceil((offset + needed) / INODE_BYTES) * INODE_BYTES;
  }
  const metadataBlocks = alignBlocks(offset);
  let block = metadataBlocks;
  // Equal contents, such as hard links, share their blocks.
  const shared = new Map<Contents, number>();
  for (const inode of inodes.values()) {
    const count = alignBlocks(inode.size - inode.tail);
    const earlier = inode.contents === undefined ? undefined : shared.get(inode.contents);
    if (earlier !== undefined) {
      inode.firstBlock = earlier;
      continue;
    }
    inode.firstBlock = block;
    block += count;
    if (inode.contents !== undefined) shared.set(inode.contents, inode.firstBlock);
  }
  return { metadataBlocks, blocks: block };
}

function inodeBytes(inode: Inode, subdirectories: number): Buffer {
  const { node } = inode.entry;
  const bytes = Buffer.alloc(INODE_BYTES);
  const device = node.type === "character-device" || node.type === "block-device";
  bytes.writeUInt16LE((inode.tail > 0 ? LAYOUT_INLINE : LAYOUT_PLAIN) << 1, 0);
  bytes.writeUInt16LE(typeBits(node) | node.mode, 4);
  bytes.writeUInt16LE(node.type === "directory" ? 2 + subdirectories : 1, 6);
  bytes.writeUInt32LE(inode.size, 8);
  bytes.writeUInt32LE(device ? encodeDevice(node.major, node.minor) : inode.firstBlock, 16);
  bytes.writeUInt32LE(inode.number, 20);
  bytes.writeUInt16LE(node.uid, 24);
  bytes.writeUInt16LE(node.gid, 26);
  return bytes;
}

function writeSuperblock(metadata: Buffer, options: ErofsOptions, inodes: number, blocks: number, root: Inode): void {
  const at = SUPERBLOCK_OFFSET;
  metadata.writeUInt32LE(MAGIC, at);
  metadata.writeUInt32LE(COMPAT_CHECKSUM, at + 8);
  metadata.writeUInt8(Math.log2(BLOCK_BYTES), at + 12);
  metadata.writeUInt16LE(root.offset / INODE_BYTES, at + 14);
  metadata.writeBigUInt64LE(BigInt(inodes), at + 16);
  metadata.writeBigUInt64LE(BigInt(options.timeSeconds), at + 24);
  metadata.writeUInt32LE(blocks, at + 36);
  metadata.set(options.uuid, at + 48);
  metadata.write(options.label, at + 64, 15, "latin1");
  const crc = crc32c(0xffffffff, metadata.subarray(at, BLOCK_BYTES));
  metadata.writeUInt32LE(crc, at + 4);
}

/**
 * Writes a tree as an uncompressed erofs image that Linux 5.4 and later mounts. The same tree and options give the same bytes.
 * Source: Linux, fs/erofs/erofs_fs.h; compact inodes, tails inline.
 */
export async function writeErofs(path: string, tree: Tree, options: ErofsOptions): Promise<void> {
  const inodes = plan(tree);
  const { metadataBlocks, blocks } = place(inodes);
  const subdirectories = new Map<string, number>();
  for (const [name, { entry }] of inodes) {
    const parent = posix.dirname(name);
    if (name !== "/" && entry.node.type === "directory")
      subdirectories.set(parent, (subdirectories.get(parent) ?? 0) + 1);
  }
  await using file = await open(path, "wx", 0o600);
  const metadata = Buffer.alloc(metadataBlocks * BLOCK_BYTES);
  for (const inode of inodes.values()) {
    options.signal.throwIfAborted();
    metadata.set(inodeBytes(inode, subdirectories.get(inode.entry.path) ?? 0), inode.offset);
    const contents =
      inode.entry.node.type === "directory" ? bytesContents(directoryBytes(inode, inodes)) : inode.contents;
    if (contents === undefined) continue;
    const whole = inode.size - inode.tail;
    if (inode.tail > 0) metadata.set(await readRange(contents, whole, inode.tail), inode.offset + INODE_BYTES);
    let position = inode.firstBlock * BLOCK_BYTES;
    let left = whole;
    if (left === 0) continue;
    for await (const chunk of readContents(contents)) {
      const length = Math.min(chunk.length, left);
      await file.write(chunk, 0, length, position);
      position += length;
      left -= length;
    }
  }
  writeSuperblock(metadata, options, inodes.size, blocks, inodes.get("/")!);
  await file.write(metadata, 0, metadata.length, 0);
  await file.truncate(blocks * BLOCK_BYTES);
  await file.datasync();
}
