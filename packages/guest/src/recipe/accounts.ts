import type { Tree } from "../tree/tree.js";

/** The user of the guest. */
export const USER = { name: "mk", uid: 1000, gid: 1000, home: "/home/mk" } as const;

const GROUPS: readonly (readonly [name: string, gid: number, members?: string])[] = [
  ["root", 0],
  ["daemon", 1],
  ["tty", 5],
  ["disk", 6],
  ["kmem", 15],
  ["sudo", 27, USER.name],
  ["docker", 998, USER.name],
  [USER.name, USER.gid],
  ["nogroup", 65534],
];

/** Accounts, none of which has a password: `*` matches none, and unlike `!` it does not lock out keys. */
export function addAccounts(tree: Tree): void {
  tree.file(
    "/etc/passwd",
    [
      "root:x:0:0:root:/root:/bin/sh",
      "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin",
      `${USER.name}:x:${USER.uid}:${USER.gid}:mk:${USER.home}:/bin/sh`,
      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
      "",
    ].join("\n"),
  );
  tree.file(
    "/etc/shadow",
    ["root", "daemon", USER.name, "nobody"].map((name) => `${name}:*:20000:0:99999:7:::\n`).join(""),
    {
      mode: 0o600,
    },
  );
  tree.file("/etc/group", GROUPS.map(([name, gid, members]) => `${name}:x:${gid}:${members ?? ""}\n`).join(""));
  tree.file("/etc/shells", "/bin/sh\n");
  tree.file(
    "/etc/sudoers",
    `Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"\nDefaults !use_pty\nroot ALL=(ALL:ALL) ALL\n${USER.name} ALL=(ALL:ALL) NOPASSWD: ALL\n`,
    {
      mode: 0o440,
    },
  );
  tree.directory("/root", { mode: 0o700 });
  tree.directory(USER.home, { uid: USER.uid, gid: USER.gid });
}
