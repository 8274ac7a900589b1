import { createHash } from "node:crypto";
import { readInitramfsInit, rootfsDirectory } from "../assets.js";
import { readAll } from "../tree/contents.js";
import { Tree } from "../tree/tree.js";
import { APPLETS } from "./applets.js";
import { CMDLINE } from "./cmdline.js";
import { ARCH_PACKAGES, EARLY_MODULES, EXCLUDED, KERNEL, MODULES, PACKAGES, UNWANTED } from "./packages.js";
import { addRootfsFiles } from "./rootfs-files.js";

/** Counted up with every change of the code that makes another image of the same packages. */
const REVISION = 2;

/** Names this recipe, in hex: the same packages by the same recipe are the same image, and no other version of mk made it. */
export async function recipeDigest(): Promise<string> {
  const lists = [PACKAGES, ARCH_PACKAGES, KERNEL, [...EXCLUDED], [...UNWANTED, ...MODULES].map(String), EARLY_MODULES];
  const hash = createHash("sha256").update(JSON.stringify([REVISION, lists, APPLETS, CMDLINE]));
  hash.update(await readInitramfsInit());
  const rootfs = new Tree();
  await addRootfsFiles(rootfs, rootfsDirectory);
  for (const { path, node } of rootfs.entries()) {
    if (node.type === "file") hash.update(`\0${path}\0`).update(await readAll(node.contents));
  }
  return hash.digest("hex");
}
