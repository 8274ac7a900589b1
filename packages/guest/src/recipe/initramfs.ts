import { MkError } from "@mk/core";
import { readInitramfsInit } from "../assets.js";
import { dependenciesOf } from "../modules/depmod.js";
import { Tree } from "../tree/tree.js";
import type { Kernel } from "./kernel.js";
import { EARLY_MODULES } from "./packages.js";

const APPLETS = ["cat", "cp", "insmod", "mkdir", "mount", "sh", "switch_root", "umount", "usleep"];

/** The early modules with what they need, in the order of loading; those that are built into this kernel are left out. */
function earlyModules(kernel: Kernel): readonly string[] {
  const infos = new Map([...kernel.modules].map(([name, { info }]) => [name, info]));
  const order = new Set<string>();
  for (const name of EARLY_MODULES) {
    if (!infos.has(name)) continue;
    for (const needed of [...dependenciesOf(name, infos)].reverse()) order.add(needed);
    order.add(name);
  }
  return [...order];
}

/** The tree of the initramfs: a static busybox, a script and the modules that lead to the root. */
export async function initramfsTree(root: Tree, kernel: Kernel): Promise<Tree> {
  const busybox = root.get("/usr/bin/busybox");
  if (busybox?.type !== "file") throw new MkError("INTEGRITY", "Debian's busybox-static holds no busybox");
  const tree = new Tree();
  // No merged-usr here: the canonical place of /bin is /usr/bin, so the link is all there is.
  tree.file("/usr/bin/busybox", busybox.contents, { mode: 0o755 });
  for (const applet of APPLETS) tree.symlink(`/usr/bin/${applet}`, "busybox");
  tree.linkMerged();
  tree.file("/init", await readInitramfsInit(), { mode: 0o755 });
  for (const path of ["/dev", "/proc", "/sys", "/overlay", "/newroot", "/modules"]) tree.directory(path);
  tree.put("/dev/console", { type: "character-device", mode: 0o600, uid: 0, gid: 0, major: 5, minor: 1 });
  const names = earlyModules(kernel);
  for (const name of names) tree.file(`/modules/${name}.ko`, kernel.modules.get(name)!.contents);
  tree.file("/modules/list", names.map((name) => `${name}.ko\n`).join(""));
  return tree;
}
