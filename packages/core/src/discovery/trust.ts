import { type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "../host/file-error.js";

/** Why a path is not trusted. */
export interface Distrust {
  readonly reason: string;
  /** The command that mends it; absent where that would need its owner. */
  readonly fix?: string;
}

/**
 * Why code at this path could have been put there by somebody else: another owner than root and the user, or writable for others. Undefined
 * when only root and the user can change it. The group may write where it is the user's private one (gid = uid), as on systems with umask
 * 002. Windows has neither and passes. What cannot be looked at, as a package that root installed with umask 077, is not trusted.
 */
export function distrust(path: string, uid: number | undefined): Distrust | undefined {
  if (uid === undefined) return undefined;
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? { reason: `${path} does not exist` } : distrustStat(path, stat, uid);
  } catch (error) {
    const reason = `${path} cannot be read: ${errnoOf(error)}`;
    return errnoOf(error) === "EACCES" ? { reason, fix: `chmod -R go+rX ${dirname(path)}` } : { reason };
  }
}

function distrustStat(path: string, stat: Stats, uid: number): Distrust | undefined {
  if (stat.uid !== 0 && stat.uid !== uid) return { reason: `${path} belongs to another user (uid ${stat.uid})` };
  // In a sticky directory such as /tmp nobody can replace what belongs to another.
  const sticky = stat.isDirectory() && (stat.mode & 0o1000) !== 0;
  if (sticky) return undefined;
  const fix = `chmod go-w ${path}`;
  if ((stat.mode & 0o002) !== 0) return { reason: `${path} is writable for everybody`, fix };
  if ((stat.mode & 0o020) !== 0 && stat.gid !== stat.uid) {
    return { reason: `${path} is writable for the group ${stat.gid}`, fix };
  }
  return undefined;
}
