import { lstatSync } from "node:fs";
import { constants } from "node:os";
import { dirname } from "node:path";
import { MkError, type MkErrorCode } from "../errors.js";
import { quoteForShell } from "../ssh/quote-for-shell.js";
import { hostUser } from "./host-user.js";

const CODES: Readonly<Record<string, MkErrorCode>> = {
  ENOSPC: "NO_SPACE",
  EDQUOT: "NO_SPACE",
  EACCES: "PERMISSION_DENIED",
  EPERM: "PERMISSION_DENIED",
  ENAMETOOLONG: "PATH_TOO_LONG",
};

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space on that file system and try again.",
  EDQUOT: "Raise your disk quota, or remove some of your files, and try again.",
  ENOENT: "Check the path.",
  ENOTDIR: "Remove the file that stands where a directory must be, or choose another place.",
  EROFS: "Remount that file system writable, or set MK_HOME to a directory on another one.",
  EMFILE: "Raise the limit of open files with 'ulimit -n' and try again.",
};

/** The errno name of a failed system call, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  // libuv has no names for some, EDQUOT above all: Node then says "Unknown system error -122".
  const number = /^Unknown system error -(\d+)$/.exec(error.code)?.[1];
  if (number === undefined) return error.code;
  return Object.entries(constants.errno).find(([, value]) => value === Number(number))?.[0] ?? error.code;
}

/** What a failed system call on a path means to the user: an error that names the path. MkErrors pass through. */
export function fileError(error: unknown, action: string, path: string): MkError {
  if (MkError.is(error)) return error;
  const errno = errnoOf(error);
  const code = (errno !== undefined && CODES[errno]) || "IO_FAILED";
  return new MkError(code, `cannot ${action} ${path}: ${reason(error, errno)}`, {
    hint: code === "PERMISSION_DENIED" ? ownerHint(path) : HINTS[errno ?? ""],
    cause: error,
    details: { path, ...(errno !== undefined && { errno }) },
  });
}

/**
 * How the user takes back what root, by `sudo mk start`, put below a directory of theirs. Undefined for what is below none, or is another
 * user's: to own what is the system's, a container's or a colleague's would break it.
 */
function ownerHint(path: string): string | undefined {
  const { uid, name } = hostUser();
  if (uid <= 0) return undefined;
  let foreign: string | undefined;
  for (let at = path; ; at = dirname(at)) {
    const owner = ownerOf(at);
    if (owner === uid) break;
    if (owner === 0) foreign = at;
    else if (owner !== undefined) return undefined;
    if (dirname(at) === at) return undefined;
  }
  if (foreign === undefined) return undefined;
  return `Take back what belongs to root: sudo chown -R ${name} ${quoteForShell(foreign)}`;
}

/** Undefined where that cannot be seen, as within a directory that the user may not enter. */
function ownerOf(path: string): number | undefined {
  try {
    return lstatSync(path).uid;
  } catch {
    return undefined;
  }
}

/** Node's text is `ENOENT: no such file or directory, open '/path'`; the path is already named. */
function reason(error: unknown, errno: string | undefined): string {
  if (!(error instanceof Error)) return String(error);
  if (errno === "EDQUOT") return "disk quota exceeded";
  const text = /^[A-Z0-9_]+: ([^,]+)/.exec(error.message)?.[1];
  return text ?? (errno === undefined ? error.message : errno);
}

/** Runs a file operation and maps what it throws. */
export async function onPath<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error, action, path);
  }
}

/** Like {@link onPath}, with undefined for a path that does not exist. */
export async function onPathIfPresent<T>(action: string, path: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw fileError(error, action, path);
  }
}
