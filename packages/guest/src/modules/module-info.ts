import { elfSections } from "./elf.js";

/** What a kernel module says of itself in its `.modinfo`. */
export interface ModuleInfo {
  /** Name with underscores, as the kernel has it. */
  readonly name: string;
  /** Path below the module directory: `kernel/fs/erofs/erofs.ko`. */
  readonly path: string;
  /** Names of the modules it needs directly. */
  readonly depends: readonly string[];
  readonly aliases: readonly string[];
  /** `pre: a post: b`, as written. */
  readonly softdeps: readonly string[];
}

/** The kernel takes `-` and `_` for the same in names; `[a-z]` in a pattern stays. As libkmod's alias_normalize. */
export const normalizeName = (name: string): string =>
  name.replace(/\[[^\]]*\]|-/g, (found) => (found === "-" ? "_" : found));

export const moduleName = (path: string): string =>
  normalizeName(path.slice(path.lastIndexOf("/") + 1).replace(/\.ko$/, ""));

/** Reads `key=value` strings that end with NUL, as in `.modinfo` and in modules.builtin.modinfo. */
export function modinfoFields(bytes: Buffer): readonly (readonly [string, string])[] {
  return bytes
    .toString("latin1")
    .split("\0")
    .filter((line) => line.includes("="))
    .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const);
}

/** Reads a module that is not compressed. */
export function readModuleInfo(path: string, bytes: Buffer): ModuleInfo {
  const section = elfSections(bytes).find(({ name }) => name === ".modinfo");
  if (section === undefined) throw new Error(`${path} is not a kernel module`);
  const fields = modinfoFields(section.bytes);
  const all = (key: string): readonly string[] => fields.filter(([name]) => name === key).map(([, value]) => value);
  return {
    name: moduleName(path),
    path,
    depends: all("depends")
      .flatMap((list) => list.split(","))
      .filter((name) => name !== "")
      .map(normalizeName),
    aliases: all("alias"),
    softdeps: all("softdep"),
  };
}
