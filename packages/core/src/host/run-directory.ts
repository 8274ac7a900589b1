import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { lstat, mkdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { MkError } from "../errors.js";
import { errnoOf, fileError } from "./file-error.js";
import { unixPathLimit } from "./unix-path.js";

/** What a driver may append: a slash and twelve characters. */
const NAME_BYTES = 13;

export interface RunDirectoryContext {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly temporaryDirectory: string;
}

/**
 * The directory for this key's sockets: ours alone (0700), and short. One that exists is preferred to one that would be made, since a
 * login shell has XDG_RUNTIME_DIR and a cron job has not, and both must find the same sockets. PERMISSION_DENIED when another user
 * has put something in its place.
 */
export async function runDirectory(key: string, context: RunDirectoryContext): Promise<string> {
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 12);
  const paths = candidates(hash, context).filter(
    (path) => Buffer.byteLength(path) + NAME_BYTES <= unixPathLimit(context.platform),
  );
  for (const path of paths) if ((await examine(path, context)) === "ours") return path;
  for (const path of paths) {
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      const errno = errnoOf(error);
      // No login session, so that there is no such runtime directory: the next will do.
      if (path !== paths.at(-1) && errno !== "EEXIST") continue;
      // Another mk process may have been faster, or another user.
      if (errno !== "EEXIST") throw fileError(error, "create directory", path);
    }
    if ((await examine(path, context)) === "ours") return path;
    throw new MkError("PERMISSION_DENIED", `${path} is not a directory that belongs to you alone`, {
      hint: `Remove ${path}, or set XDG_RUNTIME_DIR to a directory of your own.`,
      details: { path },
    });
  }
  throw new MkError("PATH_TOO_LONG", `${context.temporaryDirectory} is too long for sockets`, {
    hint: "Set TMPDIR to a shorter directory.",
  });
}

function candidates(hash: string, { platform, env, uid, temporaryDirectory }: RunDirectoryContext): readonly string[] {
  if (platform === "win32") return [join(temporaryDirectory, `mk-${hash}`)];
  const runtime = env.XDG_RUNTIME_DIR;
  return [
    ...(runtime !== undefined && isAbsolute(runtime) ? [join(runtime, `mk-${hash}`)] : []),
    ...(platform === "linux" ? [`/run/user/${uid}/mk-${hash}`] : []),
    join(temporaryDirectory, `mk-${uid}-${hash}`),
  ];
}

async function examine(path: string, { platform, uid }: RunDirectoryContext): Promise<"ours" | "absent" | "foreign"> {
  let stats: Stats;
  try {
    stats = await lstat(path);
  } catch (error) {
    return errnoOf(error) === "ENOENT" ? "absent" : "foreign";
  }
  if (!stats.isDirectory()) return "foreign";
  if (platform === "win32") return "ours";
  return stats.uid === uid && (stats.mode & 0o077) === 0 ? "ours" : "foreign";
}
