import { type Stats, statSync } from "node:fs";

/**
 * Why code at this path could have been put there by somebody else: another owner than root and the user, or writable for others. Undefined
 * when only root and the user can change it. The group may write where it is the user's private one (gid = uid), as on systems with umask
 * 002. Windows has neither and passes.
 */
export function distrust(path: string, uid: number | undefined): string | undefined {
  if (uid === undefined) return undefined;
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? `${path} does not exist` : distrustStat(path, stat, uid);
}

function distrustStat(path: string, stat: Stats, uid: number): string | undefined {
  if (stat.uid !== 0 && stat.uid !== uid) return `${path} belongs to another user (uid ${stat.uid})`;
  // In a sticky directory such as /tmp nobody can replace what belongs to another.
  const sticky = stat.isDirectory() && (stat.mode & 0o1000) !== 0;
  if ((stat.mode & 0o002) !== 0 && !sticky) return `${path} is writable for everybody`;
  if ((stat.mode & 0o020) !== 0 && stat.gid !== stat.uid && !sticky)
    return `${path} is writable for the group ${stat.gid}`;
  return undefined;
}
