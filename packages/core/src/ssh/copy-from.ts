import { stat } from "node:fs/promises";
import { join, posix, sep } from "node:path";
import { raceAbort } from "../abort/race-abort.js";
import { fileError } from "../host/file-error.js";
import type { Carrier } from "./carrier.js";
import { collect } from "./collect.js";
import { type CopyRequest, copyFailed } from "./copy-request.js";
import { extractTar } from "./extract-tar.js";
import { readTar } from "./tar-read.js";

/** `$1` the source. A symlink to a file stands for the file, as it does for cp. */
const SEND = `set -e
source=$1
case $source in /*) ;; *) source=./$source ;; esac
if [ -d "$source" ]; then cd -- "$source"; exec tar -cf - .; fi
[ -e "$source" ] || { echo "$1 does not exist" >&2; exit 1; }
cd -- "\${source%/*}/"
exec tar -chf - "./\${source##*/}"`;

/** Copies a file or a tree from the machine. What comes is not trusted: it is written below the target, or not at all. */
export async function copyFrom(
  carrier: Carrier,
  platform: NodeJS.Platform,
  machine: string,
  { source, target, signal }: CopyRequest,
): Promise<void> {
  const name = posix.basename(source);
  // Of a place without a name of its own only the contents can be meant.
  const isNamed = !["", ".", ".."].includes(name);
  const isInto = target.endsWith("/") || target.endsWith(sep) || (await isDirectory(target));
  const to = isNamed && isInto ? join(target, name) : target;
  // From here to the first read nothing may wait: Node drops the output of a child that has ended and that nobody reads.
  const process = await carrier.start(["sh", "-c", SEND, "mk", source], { signal });
  process.stdin.on("error", () => undefined);
  process.stdin.end();
  const err = collect(process.stderr, undefined);
  try {
    // Not destroyed at the end: an ssh2 channel must be read to its end.
    const archive = readTar(process.stdout.iterator({ destroyOnReturn: false }));
    const failure = await raceAbort(
      extractTar(archive, to, platform).catch((error: unknown) => error),
      signal,
    );
    // An archive that ends too early, as opposed to one that we end, has a reason in the machine.
    if (failure !== undefined && !process.stdout.readableEnded) throw failure;
    const code = await raceAbort(process.exitCode, signal);
    if (code !== 0) throw copyFailed(machine, `copy ${source}`, code, err.text());
    if (failure !== undefined) throw failure;
  } catch (error) {
    process.kill();
    throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw fileError(error, "read", path);
  }
}
