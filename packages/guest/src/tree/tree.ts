import { posix } from "node:path";
import { MkError } from "@mk/core";
import { bytesContents, type Contents } from "./contents.js";

export interface Ownership {
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export type TreeNode = Ownership &
  (
    | { readonly type: "file"; readonly contents: Contents }
    | { readonly type: "directory" }
    | { readonly type: "symlink"; readonly target: string }
    | { readonly type: "character-device" | "block-device"; readonly major: number; readonly minor: number }
  );

export interface TreeEntry {
  /** Absolute; `/` for the root. */
  readonly path: string;
  readonly node: TreeNode;
}

const MERGED = /^\/(bin|sbin|lib|lib64)(?=\/|$)/;
const root0755: TreeNode = { type: "directory", mode: 0o755, uid: 0, gid: 0 };

/** Orders paths so that a directory comes before what is in it, the same on every host. */
export const comparePaths = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/**
 * A file tree as a value: modes, owners, symlinks and devices do not depend on the host's file system, so that an image comes out the same
 * on any host and without root. Paths below /bin, /sbin, /lib and /lib64 are those below /usr (merged-usr).
 */
export class Tree {
  readonly #nodes = new Map<string, TreeNode>([["/", root0755]]);

  static canonical(path: string): string {
    const clean = posix.normalize(path).replace(/(?<=.)\/+$/, "");
    if (!clean.startsWith("/")) throw new TypeError(`the path "${path}" is not absolute`);
    return clean.replace(MERGED, "/usr/$1");
  }

  get(path: string): TreeNode | undefined {
    return this.#nodes.get(Tree.canonical(path));
  }

  has(path: string): boolean {
    return this.get(path) !== undefined;
  }

  /**
   * Adds or replaces an entry; missing parents become root's with mode 0755. A directory that is there keeps what is in it. INTEGRITY when
   * a parent is no directory, or when what is in a directory would be lost: the packages do not fit together.
   */
  put(path: string, node: TreeNode): void {
    const canonical = Tree.canonical(path);
    const misfit = (why: string): MkError => new MkError("INTEGRITY", `the packages do not fit together: ${why}`);
    for (let parent = posix.dirname(canonical); ; parent = posix.dirname(parent)) {
      const type = this.#nodes.get(parent)?.type;
      if (type === "directory") break;
      if (type !== undefined) throw misfit(`${canonical} lies below ${parent}, which is a ${type}`);
      this.#nodes.set(parent, root0755);
    }
    if (node.type !== "directory" && this.#nodes.get(canonical)?.type === "directory" && this.#hasChildren(canonical)) {
      throw misfit(`${canonical} is a directory and a ${node.type}`);
    }
    this.#nodes.set(canonical, node);
  }

  #hasChildren(directory: string): boolean {
    return [...this.#nodes.keys()].some((path) => path.startsWith(`${directory}/`));
  }

  /** A text or binary file of root's, mode 0644 unless given. */
  file(path: string, contents: string | Uint8Array | Contents, owner: Partial<Ownership> = {}): void {
    const bytes = typeof contents === "string" || contents instanceof Uint8Array ? bytesContents(contents) : contents;
    this.put(path, { type: "file", mode: 0o644, uid: 0, gid: 0, ...owner, contents: bytes });
  }

  directory(path: string, owner: Partial<Ownership> = {}): void {
    this.put(path, { type: "directory", mode: 0o755, uid: 0, gid: 0, ...owner });
  }

  symlink(path: string, target: string): void {
    this.put(path, { type: "symlink", mode: 0o777, uid: 0, gid: 0, target });
  }

  /** Adds the links of merged-usr: /bin, /sbin, /lib and /lib64. */
  linkMerged(): void {
    for (const name of ["bin", "sbin", "lib", "lib64"]) {
      if (!this.has(`/usr/${name}`)) continue;
      this.#nodes.set(`/${name}`, { type: "symlink", mode: 0o777, uid: 0, gid: 0, target: `usr/${name}` });
    }
  }

  /** Removes an entry and all below it; absent is fine. */
  remove(path: string): void {
    const canonical = Tree.canonical(path);
    this.#nodes.delete(canonical);
    for (const key of this.#nodes.keys()) if (key.startsWith(`${canonical}/`)) this.#nodes.delete(key);
  }

  /** Removes every entry the predicate names, with all below it. */
  prune(unwanted: (path: string, node: TreeNode) => boolean): void {
    for (const [path, node] of [...this.#nodes]) {
      if (path !== "/" && this.#nodes.has(path) && unwanted(path, node)) this.remove(path);
    }
  }

  /** Follows symlinks, as the guest would. Undefined when the path leads nowhere. */
  resolve(path: string): string | undefined {
    let current = "/";
    let rest = Tree.canonical(path)
      .split("/")
      .filter((part) => part !== "");
    for (let links = 0; rest.length > 0; ) {
      const next = Tree.canonical(posix.join(current, rest[0]!));
      rest = rest.slice(1);
      const node = this.#nodes.get(next);
      if (node === undefined) return undefined;
      if (node.type !== "symlink") {
        current = next;
        continue;
      }
      if (++links > 40) return undefined;
      const target = Tree.canonical(posix.resolve(current, node.target));
      rest = [...target.split("/").filter((part) => part !== ""), ...rest];
      current = "/";
    }
    return current;
  }

  /** All entries, parents first, in an order that depends on nothing but the names. */
  entries(): readonly TreeEntry[] {
    return [...this.#nodes].map(([path, node]) => ({ path, node })).sort((a, b) => comparePaths(a.path, b.path));
  }

  /** Entries whose path starts with the prefix, sorted. */
  under(prefix: string): readonly TreeEntry[] {
    return this.entries().filter(({ path }) => path.startsWith(Tree.canonical(prefix)));
  }

  get size(): number {
    return this.#nodes.size;
  }
}
