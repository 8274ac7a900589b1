import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { errnoOf } from "./file-error.js";

/**
 * The absolute path of a program, from the absolute entries of PATH alone: an empty entry or `.` means the current directory, where
 * anyone may have left a program of that name.
 */
export async function which(
  program: string,
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): Promise<string | undefined> {
  if (program === "" || program.includes("\0")) return undefined;
  const names = candidates(program, platform);
  if (/[/\\]/.test(program) && (platform === "win32" || program.includes("/"))) {
    return isAbsolute(program) ? first(names, platform) : undefined;
  }
  const path = env.PATH ?? (platform === "win32" ? env.Path : undefined) ?? "";
  for (const directory of path.split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const found = await first(
      names.map((name) => join(directory, name)),
      platform,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** On Windows only what starts without a shell: a .cmd or .bat would be run by cmd.exe, which cannot be quoted for (CVE-2024-27980). */
function candidates(program: string, platform: NodeJS.Platform): readonly string[] {
  if (platform !== "win32" || /\.(exe|com)$/i.test(program)) return [program];
  return [`${program}.exe`, `${program}.com`];
}

async function first(paths: readonly string[], platform: NodeJS.Platform): Promise<string | undefined> {
  for (const path of paths) {
    try {
      if (!(await isFile(path, platform))) continue;
      await access(path, platform === "win32" ? constants.F_OK : constants.X_OK);
      return path;
    } catch {
      // Absent, or not ours to run: the next entry may have it.
    }
  }
  return undefined;
}

/** On Windows stat may not follow an alias of the Store, such as winget.exe (nodejs/node#36790): what access says of it counts. */
async function isFile(path: string, platform: NodeJS.Platform): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (platform === "win32" && errnoOf(error) === "EACCES") return true;
    throw error;
  }
}
