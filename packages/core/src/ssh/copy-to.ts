import { isUtf8 } from "node:buffer";
import type { Stats } from "node:fs";
import { type FileHandle, lstat, open, readdir, readlink, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { raceAbort } from "../abort/race-abort.js";
import { MkError } from "../errors.js";
import { errnoOf, fileError, onPath } from "../host/file-error.js";
import type { Carrier } from "./carrier.js";
import { collect } from "./collect.js";
import { type CopyRequest, copyFailed } from "./copy-request.js";
import { quoteForShell } from "./quote-for-shell.js";
import { paddingOf } from "./tar-header.js";
import { TAR_END, type TarWriteEntry, tarHeader } from "./tar-write.js";
import { touchTime } from "./touch-time.js";

const CHUNK_BYTES = 128 * 1024;
const OWNER_ALL = 0o700;

/** `$1` the target, `$2` the source's own name. */
const FIND_TARGET = `set -e
target=$1
case $target in */) target=$target$2 ;; *) if [ -d "$target" ]; then target=$target/$2; fi ;; esac`;

/** `$3` the mode, `$4` the size, `$5` the time of the last change for touch(1). A file that was cut off never gets its name. */
const RECEIVE_FILE = `${FIND_TARGET}
case $target in */*) mkdir -p -- "\${target%/*}/" ;; *) target=./$target ;; esac
if [ -e "$target" ] && [ ! -f "$target" ]; then exec cat >"$target"; fi
temporary=$target.mk-$$
trap 'rm -f -- "$temporary"' EXIT
umask 077
cat >"$temporary"
[ "$(wc -c <"$temporary")" -eq "$4" ]
chmod -- "$3" "$temporary"
TZ=UTC0 touch -t "$5" -- "$temporary"
mv -f -- "$temporary" "$target"`;

/**
 * Owners are the guest's: an archive's numbers mean other users there. The umask is off since busybox, unless it is root, gives modes
 * only as it creates; each thing has its own from the beginning all the same.
 */
const RECEIVE_TREE = `${FIND_TARGET}
case $target in /*) ;; *) target=./$target ;; esac
mkdir -p -- "$target"
cd -- "$target"
umask 0
tar -xpof -
pwd`;

/** Copies a file or a tree into the machine. The guest needs a POSIX shell, and tar for trees: no SFTP server. */
export async function copyTo(carrier: Carrier, machine: string, request: CopyRequest): Promise<void> {
  const { source, target } = request;
  const stats = await onPath("read", source, () => stat(source));
  // Of a place without a name of its own, as "directory/.", only the contents can be meant: "." lets them land in the target itself.
  const own = basename(source);
  const name = ["", ".."].includes(own) ? "." : own;
  if (stats.isDirectory()) {
    const argv = ["sh", "-c", RECEIVE_TREE, "mk", target, name];
    const closed: ClosedDirectory[] = [];
    const root = await send(carrier, machine, request, argv, treeArchive(source, closed, name !== "."));
    await closeDirectories(carrier, machine, request, root.replace(/\n$/, ""), closed);
  } else if (stats.isFile()) {
    const mode = (stats.mode & 0o777).toString(8);
    const argv = ["sh", "-c", RECEIVE_FILE, "mk", target, name, mode, String(stats.size), touchTime(stats.mtime)];
    await send(carrier, machine, request, argv, contents(source, stats.size));
  } else {
    throw new MkError("INVALID_ARGUMENT", `${source} is neither a file nor a directory`);
  }
}

async function send(
  carrier: Carrier,
  machine: string,
  { target, signal }: CopyRequest,
  argv: readonly string[],
  bytes: AsyncIterable<Uint8Array>,
): Promise<string> {
  const process = await carrier.start(argv, { signal });
  const out = collect(process.stdout, undefined);
  const err = collect(process.stderr, undefined);
  const ended = raceAbort(process.exitCode, signal);
  ended.catch(() => undefined);
  try {
    await pump(bytes, process.stdin, ended);
    const code = await ended;
    if (code !== 0) throw copyFailed(machine, `copy to ${target}`, code, err.text() || out.text());
    return out.text();
  } catch (error) {
    process.kill();
    throw error;
  }
}

/** Writes as fast as the program reads; ends early when the program does. `stream.pipeline` would hang on an ssh2 channel then. */
async function pump(bytes: AsyncIterable<Uint8Array>, to: Writable, ended: Promise<unknown>): Promise<void> {
  let isEnded = false;
  const stopped = ended.then(
    () => (isEnded = true),
    () => (isEnded = true),
  );
  to.on("error", () => undefined);
  for await (const chunk of bytes) {
    if (isEnded) break;
    if (!to.write(chunk)) {
      let resume: () => void = () => undefined;
      const drained = new Promise<void>((resolve) => {
        resume = resolve;
        to.once("drain", resume);
      });
      await Promise.race([drained, stopped]);
      to.off("drain", resume);
    }
  }
  to.end();
}

async function* contents(path: string, size: number): AsyncGenerator<Uint8Array> {
  const file = await onPath("read", path, () => open(path, "r"));
  try {
    yield* exactly(file, path, size);
  } finally {
    await file.close();
  }
}

async function* exactly(file: FileHandle, path: string, size: number): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; ) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, left));
    const { bytesRead } = await onPath("read", path, () => file.read(chunk, 0, chunk.length, null));
    if (bytesRead === 0) {
      throw new MkError("IO_FAILED", `${path} became shorter while it was copied`, { details: { path } });
    }
    left -= bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

/** A directory that its owner may not write to, or not even enter. */
interface ClosedDirectory {
  readonly name: string;
  readonly mode: number;
}

/** Gives directories their modes when all of them are filled: tar cannot be trusted to wait with that. The innermost comes first. */
async function closeDirectories(
  carrier: Carrier,
  machine: string,
  request: CopyRequest,
  root: string,
  closed: readonly ClosedDirectory[],
): Promise<void> {
  if (closed.length === 0) return;
  const lines = closed.map(({ name, mode }) => `chmod -- ${mode.toString(8)} ${quoteForShell(name)}`).reverse();
  const script = ["set -e", `cd -- ${quoteForShell(root)}`, ...lines, ""].join("\n");
  await send(carrier, machine, request, ["sh", "-s"], Readable.from([Buffer.from(script)]));
}

/** Without a root of its own the archive leaves the mode of the directory alone that it is unpacked in: that may be `/tmp`. */
async function* treeArchive(root: string, closed: ClosedDirectory[], hasRoot: boolean): AsyncGenerator<Uint8Array> {
  if (hasRoot) yield* directoryEntries(root, ".", closed);
  else yield* childEntries(root, ".", closed);
  yield TAR_END;
}

async function* directoryEntries(root: string, name: string, closed: ClosedDirectory[]): AsyncGenerator<Uint8Array> {
  const path = join(root, name);
  const stats = await onPath("read", path, () => stat(path));
  const header = { ...aboutEntry(`${name}/`, stats), kind: "directory", size: 0 } as const;
  if ((header.mode & OWNER_ALL) !== OWNER_ALL) closed.push({ name, mode: header.mode });
  yield tarHeader({ ...header, mode: header.mode | OWNER_ALL });
  yield* childEntries(root, name, closed);
}

async function* childEntries(root: string, name: string, closed: ClosedDirectory[]): AsyncGenerator<Uint8Array> {
  const path = join(root, name);
  const children = await onPath("list", path, () => readdir(path, { encoding: "buffer" }));
  for (const child of children.map((bytes) => checkedUtf8(bytes, path, "holds")).sort()) {
    yield* entry(root, `${name}/${child}`, closed);
  }
}

async function* entry(root: string, name: string, closed: ClosedDirectory[]): AsyncGenerator<Uint8Array> {
  const path = join(root, name);
  let stats: Stats;
  try {
    stats = await lstat(path);
  } catch (error) {
    // Removed since its directory was listed: as if it had been removed before.
    if (errnoOf(error) === "ENOENT") return;
    throw fileError(error, "read", path);
  }
  if (stats.isDirectory()) {
    yield* directoryEntries(root, name, closed);
  } else if (stats.isSymbolicLink()) {
    const link = checkedUtf8(await onPath("read", path, () => readlink(path, "buffer")), path, "leads to");
    yield tarHeader({ ...aboutEntry(name, stats), kind: "symlink", size: 0, link });
  } else if (stats.isFile()) {
    yield tarHeader({ ...aboutEntry(name, stats), kind: "file" });
    yield* contents(path, stats.size);
    yield new Uint8Array(paddingOf(stats.size));
  } else {
    throw new MkError("INVALID_ARGUMENT", `${path} is no file, directory or symlink, and cannot be copied`, {
      hint: `Copy the directory without ${path}.`,
    });
  }
}

/** Node reads a name that is not UTF-8 as another, which nothing has, or worse, another file. */
function checkedUtf8(name: Buffer, path: string, relation: "holds" | "leads to"): string {
  if (isUtf8(name)) return name.toString();
  const shown = JSON.stringify(name.toString());
  throw new MkError(
    "INVALID_ARGUMENT",
    `${path} ${relation} a name that is not UTF-8, ${shown}, and cannot be copied`,
    {
      hint: "Rename it, or pack the directory with tar and copy the archive.",
    },
  );
}

function aboutEntry(name: string, stats: Stats): Omit<TarWriteEntry, "kind"> {
  return { name, mode: stats.mode & 0o777, size: stats.size, mtimeSeconds: Math.floor(stats.mtimeMs / 1000) };
}
