import { constants, type Stats } from "node:fs";
import { chmod, type FileHandle, lstat, open, readdir, realpath, rename, rm, statfs } from "node:fs/promises";
import { dirname, isAbsolute, normalize, parse } from "node:path";
import type { FileStat, Files } from "../contract/host.js";
import { MkError } from "../errors.js";
import { replaceFile, syncDirectory } from "./atomic-write.js";
import { concatFiles, copySparse, writeAll } from "./copy-file.js";
import { errnoOf, onPath, onPathIfPresent } from "./file-error.js";
import { makeDirectories } from "./make-directories.js";

const MAX_TEXT_BYTES = 16 * 1024 * 1024;
const READ_CHUNK_BYTES = 64 * 1024;

/** The files of this computer. */
export function createFiles(platform: NodeJS.Platform): Files {
  return {
    async readText(path, { maxBytes = MAX_TEXT_BYTES } = {}) {
      const bytes = await read(path, 0, maxBytes + 1);
      if (bytes === undefined) return undefined;
      if (bytes.byteLength > maxBytes) {
        throw new MkError("IO_FAILED", `${path} is larger than the ${maxBytes} bytes it may have`, {
          details: { path, maxBytes },
        });
      }
      return new TextDecoder().decode(bytes);
    },
    readBytes: (path, { offset = 0, length = Number.POSITIVE_INFINITY } = {}) => read(path, offset, length),
    write: (path, contents, { mode = 0o600 } = {}) =>
      replaceFile(path, { mode, platform, fill: (file) => writeAll(file, Buffer.from(contents), 0) }),
    patch: (path, offset, contents) =>
      onPath("write", path, () =>
        using(path, constants.O_WRONLY, async (file) => {
          await writeAll(file, contents, offset);
          await file.datasync();
        }),
      ),
    allocate: (path, bytes) =>
      onPath("allocate", path, () =>
        using(path, constants.O_WRONLY | constants.O_CREAT, async (file) => {
          if ((await file.stat()).size < bytes) await file.truncate(bytes);
        }),
      ),
    copy: (from, to) => copySparse(from, to, platform),
    concat: (to, parts) => concatFiles(to, parts, platform),
    makeDirectory: (path, { mode = 0o700 } = {}) =>
      onPath("create directory", path, async () => {
        const first = await makeDirectories(path, mode);
        // The umask may have taken bits that were asked for; a directory that was there keeps its mode.
        if (first !== undefined && platform !== "win32") await chmod(path, mode);
      }),
    list: async (path) => (await onPathIfPresent("list", path, () => readdir(path)))?.sort() ?? [],
    async stat(path) {
      const stats = await onPathIfPresent("examine", path, () => lstat(path));
      return stats === undefined ? undefined : describe(stats);
    },
    realpath: (path) => onPathIfPresent("resolve", path, () => realpath(path)),
    chmod: (path, mode) => onPath("change the mode of", path, () => chmod(path, mode)),
    rename: (from, to) =>
      onPath("rename", from, async () => {
        await rename(from, to);
        await syncDirectory(dirname(to), platform);
      }),
    remove: (path) => remove(path),
    async *follow(path, options) {
      const { follow } = await import("./follow.js");
      yield* follow(path, options);
    },
    freeBytes: (path) => onPath("measure the free space at", path, () => freeBytes(path)),
  };
}

async function using<T>(path: string, flags: number, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags, 0o600);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** Reads to the end or to `length` bytes: sizes are not believed, since files in /proc have none. */
function read(path: string, offset: number, length: number): Promise<Uint8Array | undefined> {
  // Not to hang for ever on a pipe that someone put in the file's place.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  return onPathIfPresent("read", path, () =>
    using(path, flags, async (file) => {
      const chunks: Uint8Array[] = [];
      let size = 0;
      while (size < length) {
        const chunk = new Uint8Array(Math.min(length - size, Math.max(READ_CHUNK_BYTES, size)));
        const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, offset + size);
        if (bytesRead === 0) break;
        chunks.push(chunk.subarray(0, bytesRead));
        size += bytesRead;
      }
      return Buffer.concat(chunks, size);
    }),
  );
}

async function remove(path: string): Promise<void> {
  // `rm` of "link/" would go through the link.
  const target = normalize(path).replace(/(?<=.)[/\\]+$/, "");
  if (!isAbsolute(target) || target === parse(target).root) {
    throw new TypeError(`will not remove ${JSON.stringify(path)}: not an absolute path below a root`);
  }
  await onPath("remove", path, () => rm(target, { recursive: true, force: true }));
}

async function freeBytes(path: string): Promise<number> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch (error) {
      // What is not there yet will be made in the nearest directory above that is.
      if (errnoOf(error) !== "ENOENT" || dirname(at) === at) throw error;
    }
  }
}

function describe(stats: Stats): FileStat {
  return {
    kind: kindOf(stats),
    size: stats.size,
    // POSIX counts in units of 512 bytes, whatever the block size; Windows has no count.
    allocated: stats.blocks === undefined ? stats.size : stats.blocks * 512,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    mtimeMs: stats.mtimeMs,
  };
}

function kindOf(stats: Stats): FileStat["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  return stats.isSocket() ? "socket" : "other";
}
