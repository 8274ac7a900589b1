/** One value of the index: modules of a lower priority number come first. */
export interface IndexValue {
  readonly key: string;
  readonly value: string;
  readonly priority: number;
}

interface TrieNode {
  readonly children: Map<number, TrieNode>;
  readonly values: { readonly value: string; readonly priority: number }[];
}

const MAGIC = 0xb007f457;
const VERSION = 0x00020001;
const HEADER_BYTES = 12;
const HAS_PREFIX = 0x80000000;
const HAS_VALUES = 0x40000000;
const HAS_CHILDREN = 0x20000000;

const emptyNode = (): TrieNode => ({ children: new Map(), values: [] });

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** Writes a node after all below it; returns its offset with the flags that say which of its parts are there. */
function writeNode(start: TrieNode, parts: Buffer[], position: { bytes: number }): number {
  let node = start;
  const prefix: number[] = [];
  while (node.values.length === 0 && node.children.size === 1) {
    const [[byte, child]] = node.children as unknown as [[number, TrieNode]];
    prefix.push(byte);
    node = child;
  }
  const bytes = [...node.children.keys()];
  const first = Math.min(...bytes);
  const last = Math.max(...bytes);
  const childOffsets =
    bytes.length === 0
      ? []
      : Array.from({ length: last - first + 1 }, (_, index) => {
          const child = node.children.get(first + index);
          return child === undefined ? 0 : writeNode(child, parts, position);
        });
  let flags = 0;
  const own: Buffer[] = [];
  if (prefix.length > 0) {
    flags |= HAS_PREFIX;
    own.push(Buffer.from([...prefix, 0]));
  }
  if (childOffsets.length > 0) {
    flags |= HAS_CHILDREN;
    own.push(Buffer.from([first, last]), ...childOffsets.map(uint32));
  }
  if (node.values.length > 0) {
    flags |= HAS_VALUES;
    const sorted = [...node.values].sort((a, b) => a.priority - b.priority);
    own.push(
      uint32(sorted.length),
      ...sorted.flatMap(({ value, priority }) => [uint32(priority), Buffer.from(`${value}\0`)]),
    );
  }
  const offset = position.bytes;
  for (const part of own) {
    parts.push(part);
    position.bytes += part.length;
  }
  return (offset | flags) >>> 0;
}

/** Writes an index as libkmod reads it (modules.dep.bin and others): a trie over ASCII keys. Source: kmod, libkmod/libkmod-index.c. */
export function kmodIndex(entries: Iterable<IndexValue>): Buffer {
  const root = emptyNode();
  for (const { key, value, priority } of entries) {
    let node = root;
    for (const byte of Buffer.from(key, "latin1")) {
      let child = node.children.get(byte);
      if (child === undefined) {
        child = emptyNode();
        node.children.set(byte, child);
      }
      node = child;
    }
    if (!node.values.some((known) => known.value === value)) node.values.push({ value, priority });
  }
  const parts: Buffer[] = [];
  const rootOffset = writeNode(root, parts, { bytes: HEADER_BYTES });
  return Buffer.concat([uint32(MAGIC), uint32(VERSION), uint32(rootOffset), ...parts]);
}
