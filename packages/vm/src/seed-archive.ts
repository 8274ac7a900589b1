import type { SeedFile } from "@mk/core";

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const ROOT = "seed";

/**
 * The machine's seed as a plain newc cpio archive, every file below `seed/` at its guest path, directories before what they hold.
 * Equal files give equal bytes. It is to be put BEFORE the initramfs: the kernel unpacks concatenated archives in turn, but ignores a
 * plain one that follows an lz4 stream. The length is a multiple of 512 bytes.
 *
 * Throws a TypeError for a path that is not absolute and normal, or that is given twice.
 *
 * @see https://docs.kernel.org/driver-api/early-userspace/buffer-format.html
 */
export function writeSeedArchive(files: readonly SeedFile[]): Uint8Array {
  const regular = new Map<string, SeedFile>();
  const directories = new Set<string>([ROOT]);
  for (const file of files) {
    const name = ROOT + checked(file.path);
    if (regular.has(name)) throw new TypeError(`seed path ${JSON.stringify(file.path)} is given twice`);
    regular.set(name, file);
    for (let cut = name.lastIndexOf("/"); cut > 0; cut = name.lastIndexOf("/", cut - 1)) {
      directories.add(name.slice(0, cut));
    }
  }
  for (const name of regular.keys()) {
    if (directories.has(name)) throw new TypeError(`seed path ${JSON.stringify(name)} is a file and a directory`);
  }

  const chunks: Uint8Array[] = [];
  let inode = 0;
  const add = (name: string, mode: number, contents: Uint8Array) => {
    inode += 1;
    const path = Buffer.from(`${name}\0`);
    // The initramfs' init copies the tree with its modes: directories must not be closed to the guest's services.
    chunks.push(header(inode, mode, contents.length, path.length), path, padding(110 + path.length, 4));
    chunks.push(contents, padding(contents.length, 4));
  };
  // Sorted by code units, "a" comes before "a/b": every directory precedes its content.
  for (const name of [...directories, ...regular.keys()].sort()) {
    const file = regular.get(name);
    if (file === undefined) add(name, S_IFDIR | 0o755, new Uint8Array());
    else add(name, S_IFREG | (file.mode & 0o7777), bytesOf(file.contents));
  }
  const trailer = Buffer.from("TRAILER!!!\0");
  chunks.push(header(0, 0, 0, trailer.length), trailer);
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return Buffer.concat([...chunks, padding(length, 512)]);
}

function checked(path: string): string {
  const parts = path.split("/");
  const normal = parts.slice(1).every((part) => part !== "" && part !== "." && part !== "..");
  if (parts[0] !== "" || parts.length < 2 || !normal || path.includes("\0")) {
    throw new TypeError(`seed path ${JSON.stringify(path)} is not an absolute, normal path`);
  }
  return path;
}

function bytesOf(contents: string | Uint8Array): Uint8Array {
  return typeof contents === "string" ? Buffer.from(contents) : contents;
}

function padding(length: number, multiple: number): Uint8Array {
  return new Uint8Array((multiple - (length % multiple)) % multiple);
}

/** All owners and times are 0: the archive depends on nothing but its files. */
function header(inode: number, mode: number, size: number, nameSize: number): Uint8Array {
  const links = (mode & S_IFDIR) === S_IFDIR ? 2 : 1;
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, nameSize, 0];
  return Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`);
}
