import { dirname, join, normalize } from "node:path/posix";
import { type FileStat, type Files, MkError } from "@mk/core";
import { SparseBytes } from "./sparse-bytes.js";

type Node =
  | { readonly kind: "file"; bytes: SparseBytes; mode: number; mtimeMs: number }
  | { readonly kind: "directory"; mode: number; mtimeMs: number }
  | { readonly kind: "symlink"; readonly target: string; mode: number; mtimeMs: number }
  | { readonly kind: "socket"; mode: number; mtimeMs: number };

/** Free space of the scripted disk, bytes. */
const FREE_BYTES = 500 * 1024 ** 3;

/** The file system of a scripted host, with what scripted programs need beyond a driver's {@link Files}. */
export class ScriptedFiles implements Files {
  readonly #nodes = new Map<string, Node>([["/", { kind: "directory", mode: 0o755, mtimeMs: 0 }]]);
  readonly #waiting = new Set<() => void>();
  readonly #now: () => number;
  readonly #owner: Pick<FileStat, "uid" | "gid">;

  constructor(now: () => number, { uid, gid }: Pick<FileStat, "uid" | "gid">) {
    this.#now = now;
    this.#owner = { uid, gid };
  }

  /** Adds bytes to the end of a file, which is made when absent: what a program does to its log. */
  append(path: string, contents: string | Uint8Array): void {
    const at = this.#resolve(path);
    const node = this.#nodes.get(at);
    const bytes = node?.kind === "file" ? node.bytes : new SparseBytes();
    bytes.write(bytes.size, typeof contents === "string" ? Buffer.from(contents) : contents);
    this.#put(at, { kind: "file", bytes, mode: node?.mode ?? 0o600, mtimeMs: this.#now() });
  }

  /** Places a file with its parents, at once. */
  place(path: string, contents: string | Uint8Array, mode = 0o644): void {
    this.#makeParents(dirname(path), 0o755);
    this.#put(this.#resolve(path), { kind: "file", bytes: SparseBytes.from(contents), mode, mtimeMs: this.#now() });
  }

  placeSymlink(path: string, target: string): void {
    this.#makeParents(dirname(path), 0o755);
    this.#put(normalize(path), { kind: "symlink", target, mode: 0o777, mtimeMs: this.#now() });
  }

  /** A socket's file; it stays when its listener dies, as on a real system. */
  placeSocket(path: string, mode = 0o700): void {
    this.#put(this.#resolve(path), { kind: "socket", mode, mtimeMs: this.#now() });
  }

  /** Every path below `/` with its kind, size and content mark: what an inventory compares. */
  *entries(): Iterable<readonly [path: string, what: string]> {
    for (const [path, node] of this.#nodes) {
      yield [path, node.kind === "file" ? `file of ${node.bytes.size} bytes` : node.kind];
    }
  }

  async readText(path: string, { maxBytes = 16 * 1024 * 1024 } = {}): Promise<string | undefined> {
    const bytes = await this.readBytes(path, { length: maxBytes + 1 });
    if (bytes === undefined) return undefined;
    if (bytes.length > maxBytes) throw failed(path, `is larger than ${maxBytes} bytes`);
    return Buffer.from(bytes).toString("utf8");
  }

  async readBytes(
    path: string,
    { offset, length }: { readonly offset?: number; readonly length?: number } = {},
  ): Promise<Uint8Array | undefined> {
    const node = this.#nodes.get(this.#resolve(path));
    if (node === undefined) return undefined;
    if (node.kind !== "file") throw failed(path, `is a ${node.kind}`);
    return node.bytes.read(offset, length);
  }

  async write(path: string, contents: string | Uint8Array, { mode = 0o600 } = {}): Promise<void> {
    this.#put(this.#resolve(path), { kind: "file", bytes: SparseBytes.from(contents), mode, mtimeMs: this.#now() });
  }

  async patch(path: string, offset: number, contents: Uint8Array): Promise<void> {
    this.#file(path).bytes.write(offset, contents);
    this.#wake();
  }

  async allocate(path: string, bytes: number): Promise<void> {
    const at = this.#resolve(path);
    if (!this.#nodes.has(at))
      this.#put(at, { kind: "file", bytes: new SparseBytes(), mode: 0o600, mtimeMs: this.#now() });
    this.#file(path).bytes.grow(bytes);
  }

  async copy(from: string, to: string): Promise<void> {
    const source = this.#file(from);
    this.#put(this.#resolve(to), { ...source, bytes: source.bytes.clone(), mtimeMs: this.#now() });
  }

  async concat(to: string, parts: readonly (string | Uint8Array)[]): Promise<void> {
    const bytes = new SparseBytes();
    for (const part of parts) {
      bytes.write(bytes.size, typeof part === "string" ? this.#file(part).bytes.read() : part);
    }
    this.#put(this.#resolve(to), { kind: "file", bytes, mode: 0o600, mtimeMs: this.#now() });
  }

  async makeDirectory(path: string, { mode = 0o700 } = {}): Promise<void> {
    this.#makeParents(path, mode);
  }

  async list(path: string): Promise<readonly string[]> {
    const at = this.#resolve(path);
    const node = this.#nodes.get(at);
    if (node === undefined) return [];
    if (node.kind !== "directory") throw failed(path, "is not a directory");
    return [...this.#nodes.keys()]
      .filter((other) => other !== "/" && dirname(other) === at)
      .map((other) => other.slice(at === "/" ? 1 : at.length + 1))
      .sort();
  }

  async stat(path: string): Promise<FileStat | undefined> {
    const node = this.#nodes.get(join(this.#resolve(dirname(normalize(path))), basename(path)));
    if (node === undefined) return undefined;
    const { size, allocated } = node.kind === "file" ? node.bytes : { size: 0, allocated: 0 };
    return { kind: node.kind, size, allocated, mode: node.mode, ...this.#owner, mtimeMs: node.mtimeMs };
  }

  async realpath(path: string): Promise<string | undefined> {
    const at = this.#resolve(path);
    return this.#nodes.has(at) ? at : undefined;
  }

  async chmod(path: string, mode: number): Promise<void> {
    const node = this.#nodes.get(this.#resolve(path));
    if (node === undefined) throw failed(path, "does not exist");
    node.mode = mode;
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#resolve(from);
    if (!this.#nodes.has(source)) throw failed(from, "does not exist");
    const target = this.#resolve(to);
    this.#drop(target);
    for (const [path, node] of [...this.#nodes]) {
      if (path !== source && !path.startsWith(`${source}/`)) continue;
      this.#nodes.delete(path);
      this.#nodes.set(target + path.slice(source.length), node);
    }
    this.#wake();
  }

  async remove(path: string): Promise<void> {
    this.#drop(join(this.#resolve(dirname(normalize(path))), basename(path)));
    this.#wake();
  }

  async *follow(
    path: string,
    { offset = 0, signal }: { readonly offset?: number; readonly signal: AbortSignal },
  ): AsyncIterable<Uint8Array> {
    let at = offset;
    while (!signal.aborted) {
      const node = this.#nodes.get(this.#resolve(path));
      const size = node?.kind === "file" ? node.bytes.size : 0;
      if (size < at) at = 0;
      if (node?.kind === "file" && size > at) {
        const part = node.bytes.read(at);
        at += part.length;
        yield part;
      } else {
        await this.#changed(signal);
      }
    }
  }

  async freeBytes(): Promise<number> {
    return FREE_BYTES;
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #put(at: string, node: Node): void {
    if (this.#nodes.get(dirname(at))?.kind !== "directory") throw failed(at, "has no parent directory");
    if (this.#nodes.get(at)?.kind === "directory") throw failed(at, "is a directory");
    this.#nodes.set(at, node);
    this.#wake();
  }

  #drop(at: string): void {
    for (const path of [...this.#nodes.keys()]) {
      if (path === at || path.startsWith(`${at}/`)) this.#nodes.delete(path);
    }
  }

  #file(path: string): Extract<Node, { kind: "file" }> {
    const node = this.#nodes.get(this.#resolve(path));
    if (node?.kind !== "file") throw failed(path, node === undefined ? "does not exist" : `is a ${node.kind}`);
    return node;
  }

  #makeParents(path: string, mode: number): void {
    let at = "";
    for (const name of normalize(path).split("/").filter(Boolean)) {
      at = this.#resolve(`${at}/${name}`);
      const node = this.#nodes.get(at);
      if (node === undefined) this.#nodes.set(at, { kind: "directory", mode, mtimeMs: this.#now() });
      else if (node.kind !== "directory") throw failed(at, `is a ${node.kind}`);
    }
  }

  /** The path with every symlink followed; at most 40, as Linux does. */
  #resolve(path: string, depth = 0): string {
    if (!path.startsWith("/")) throw new TypeError(`not an absolute path: ${JSON.stringify(path)}`);
    let at = "/";
    const names = normalize(path).split("/").filter(Boolean);
    for (const [index, name] of names.entries()) {
      const next = join(at, name);
      const node = this.#nodes.get(next);
      if (node?.kind !== "symlink") {
        at = next;
        continue;
      }
      if (depth > 40) throw failed(path, "has too many symlinks");
      const target = node.target.startsWith("/") ? node.target : join(at, node.target);
      return this.#resolve(join(target, ...names.slice(index + 1)), depth + 1);
    }
    return at;
  }
}

function basename(path: string): string {
  return normalize(path).split("/").filter(Boolean).at(-1) ?? "/";
}

function failed(path: string, why: string): MkError {
  return new MkError("IO_FAILED", `${path} ${why}`, { hint: "Check the path." });
}
