import { userInfo } from "node:os";
import type { HostUser } from "../contract/host.js";

/** Who mk runs as. On Windows the numbers are -1. */
export function hostUser(): HostUser {
  const uid = process.geteuid?.() ?? -1;
  const gid = process.getegid?.() ?? -1;
  const groups = process.getgroups?.() ?? [];
  return { uid, gid, name: nameOf(uid), groups: [...new Set([gid, ...groups])] };
}

function nameOf(uid: number): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number that /etc/passwd does not have.
    return String(uid);
  }
}
