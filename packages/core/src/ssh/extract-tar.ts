import { chmod, link, lstat, mkdir, rename, rm, symlink, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MkError } from "../errors.js";
import { createExclusive, temporaryIn } from "../host/atomic-write.js";
import { errnoOf, onPath } from "../host/file-error.js";
import { makeDirectories } from "../host/make-directories.js";
import type { TarReadEntry } from "./tar-read.js";

/**
 * Writes the entries of an archive that is not trusted: a tree below `target`, or one file as `target`. PROTOCOL_ERROR for names that are
 * absolute or go up, names and links that Windows reads as other paths when `platform` is that, links that lead out of the tree, devices,
 * and entries below a symlink. Modes, without set-uid bits, and times of files and directories are kept.
 */
export async function extractTar(
  entries: AsyncIterable<TarReadEntry>,
  target: string,
  platform: NodeJS.Platform,
): Promise<void> {
  const tree = new Extraction(target, platform);
  for await (const entry of entries) await tree.add(entry);
  await tree.finish();
}

class Extraction {
  readonly #root: string;
  readonly #platform: NodeJS.Platform;
  /** Directories get their modes and times at the end: one that is read-only could not be filled, and filling one changes its time. */
  readonly #directories = new Map<string, TarReadEntry>();
  /** Symlinks come last, so that no entry can be written through one of them. */
  readonly #links: { readonly path: string; readonly to: string }[] = [];
  readonly #files = new Set<string>();
  /** Directories that were made by us, or were looked at: not symlinks. */
  readonly #real = new Set<string>();
  #isFile = false;
  #isEmpty = true;
  /** The user's own directory, which may be `/tmp`, keeps its mode. */
  #isRootOurs = true;

  constructor(root: string, platform: NodeJS.Platform) {
    this.#root = root;
    this.#platform = platform;
  }

  async add(entry: TarReadEntry): Promise<void> {
    const parts = checkedParts(entry.name);
    if (this.#isFile) throw evil(entry.name, "comes after the one file");
    const isFirst = this.#isEmpty;
    this.#isEmpty = false;
    if (isFirst && parts.length === 1 && entry.kind === "file") {
      // A lone file: it gets the name that was asked for, not the one it has in the machine.
      this.#isFile = true;
      await this.#makeRootParents();
      return this.#writeFile(this.#root, entry);
    }
    if (this.#platform === "win32") assertNoWindowsPath(entry);
    const path = join(this.#root, ...parts);
    await this.#makeParents(parts);
    switch (entry.kind) {
      case "directory":
        await this.#makeDirectory(path);
        if (parts.length > 0 || this.#isRootOurs) this.#directories.set(path, entry);
        return;
      case "file":
        await this.#writeFile(path, entry);
        this.#files.add(path);
        return;
      case "symlink":
        assertInside(parts, entry);
        this.#links.push({ path, to: entry.link });
        return;
      case "hardlink": {
        const existing = join(this.#root, ...checkedParts(entry.link));
        if (!this.#files.has(existing)) throw evil(entry.name, "is a link to what is not in the archive");
        await onPath("write", path, async () => {
          await rm(path, { force: true });
          await link(existing, path);
        });
        this.#files.add(path);
        return;
      }
      case "other":
        throw evil(entry.name, "is a device or another special file");
      default:
        entry.kind satisfies never;
    }
  }

  async finish(): Promise<void> {
    for (const { path, to } of this.#links) {
      await onPath("write", path, async () => {
        await rm(path, { force: true });
        await symlink(to, path);
      });
    }
    // The innermost first: a directory may lose the right to be entered.
    for (const [path, { mode, mtime }] of [...this.#directories].reverse()) {
      await onPath("write", path, async () => {
        await utimes(path, new Date(), mtime);
        await chmod(path, mode & 0o777);
      });
    }
  }

  async #makeParents(parts: readonly string[]): Promise<void> {
    await this.#makeRootParents();
    for (let depth = 0; depth < parts.length; depth++) {
      await this.#makeDirectory(join(this.#root, ...parts.slice(0, depth)));
    }
  }

  async #makeRootParents(): Promise<void> {
    const path = dirname(this.#root);
    await onPath("create directory", path, () => makeDirectories(path, 0o777));
  }

  async #makeDirectory(path: string): Promise<void> {
    if (this.#real.has(path)) return;
    await onPath("write", path, async () => {
      try {
        await mkdir(path, { mode: 0o700 });
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") throw error;
        const stats = await lstat(path);
        if (path === this.#root) this.#isRootOurs = false;
        // The target itself may be the user's own link to a directory.
        if (!stats.isDirectory() && path !== this.#root) throw evil(path, "would be written through a link or a file");
      }
    });
    this.#real.add(path);
  }

  async #writeFile(path: string, entry: TarReadEntry): Promise<void> {
    await onPath("write", path, async () => {
      // Under another name until it is whole: what had this name stays until then, and a copy that breaks off leaves it. Whatever it is, a
      // link above all, is replaced and not written to.
      const temporary = temporaryIn(dirname(path));
      const file = await createExclusive(temporary);
      try {
        try {
          for await (const chunk of entry.body) await file.writeFile(chunk);
          await file.utimes(new Date(), entry.mtime);
          await file.chmod(entry.mode & 0o777);
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    });
  }
}

/** Windows takes a backslash for a slash, and what is before a colon for a drive, or what is behind it for a stream within a file. */
function assertNoWindowsPath({ name, link }: TarReadEntry): void {
  if (/[\\:]/.test(name)) throw evil(name, "has a backslash or a colon in its name, which Windows reads as a path");
  if (/[\\:]/.test(link)) throw evil(name, `is a link to ${link}, which Windows reads as another path`);
}

/** The parts of a relative name without `.`; none for the root itself. */
function checkedParts(name: string): readonly string[] {
  if (name.startsWith("/")) throw evil(name, "is absolute");
  if (name.includes("\0")) throw evil(name, "has a NUL in its name");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw evil(name, "goes up");
  return parts;
}

/**
 * A link must stay in the tree. Only leading `..` are counted, and others refused: behind a name that is itself a link, `..` leads
 * elsewhere than it reads.
 */
function assertInside(parts: readonly string[], { name, link: to }: TarReadEntry): void {
  if (to.startsWith("/")) throw evil(name, `is a link to the absolute path ${to}`);
  const steps = to.split("/").filter((part) => part !== "" && part !== ".");
  const ups = steps.findIndex((step) => step !== "..");
  const leading = ups < 0 ? steps.length : ups;
  if (leading > parts.length - 1) throw evil(name, `is a link that leads out, to ${to}`);
  if (steps.slice(leading).includes("..")) throw evil(name, `is a link that goes up behind a name, to ${to}`);
}

function evil(name: string, reason: string): MkError {
  return new MkError("PROTOCOL_ERROR", `the entry ${JSON.stringify(name)} from the machine ${reason}`, {
    hint: "Copy files one by one, or pack them in the machine and copy the archive.",
  });
}
