import { type GuestArch, MkError } from "@mk/core";
import { isElf64 } from "../modules/elf.js";
import { readAll, readRange } from "../tree/contents.js";
import { comparePaths, type Tree } from "../tree/tree.js";
import { readElfDynamic } from "./elf-dynamic.js";
import { type CachedLibrary, ldCache } from "./ld-cache.js";

const LIBRARY_DIRECTORIES: Readonly<Record<GuestArch, string>> = {
  amd64: "/usr/lib/x86_64-linux-gnu",
  arm64: "/usr/lib/aarch64-linux-gnu",
};

/**
 * Gives the tree its loader cache and the links that ldconfig would make. INTEGRITY when a program needs a library that is not there:
 * the packages do not fit together.
 */
export async function addLibraryCache(tree: Tree, arch: GuestArch): Promise<void> {
  const directory = LIBRARY_DIRECTORIES[arch];
  const libraries = new Map<string, CachedLibrary>();
  // Some programs name a directory of their own for their libraries (RUNPATH).
  const present = new Set<string>();
  const needed = new Map<string, string>();
  for (const { path, node } of tree.entries()) {
    if (node.type !== "file" || path.startsWith("/usr/lib/modules/") || !isElf64(await readRange(node.contents, 0, 64)))
      continue;
    const dynamic = readElfDynamic(await readAll(node.contents));
    if (dynamic === undefined) continue;
    for (const soname of dynamic.needed) needed.set(soname, path);
    const { soname } = dynamic;
    if (soname !== undefined) present.add(soname);
    if (soname === undefined || !path.startsWith(`${directory}/`) || path.slice(directory.length + 1).includes("/"))
      continue;
    const link = `${directory}/${soname}`;
    if (!tree.has(link)) tree.symlink(link, path.slice(directory.length + 1));
    libraries.set(soname, { soname, path: `/lib${link.slice("/usr/lib".length)}` });
  }
  for (const [soname, program] of [...needed].sort(([a], [b]) => comparePaths(a, b))) {
    if (!present.has(soname)) {
      throw new MkError("INTEGRITY", `${program} needs the library ${soname}, which no package of the image brings`);
    }
  }
  tree.file("/etc/ld.so.cache", ldCache([...libraries.values()], arch));
}
