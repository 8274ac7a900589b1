import { chmod, lstat, mkdir, readdir, readFile, readlink, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { PassThrough, Readable, Writable } from "node:stream";
import type { Transport } from "@mk/core";
import { type TemporaryDirectory, temporaryDirectory, until } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** The promises of a transport, whatever carries it. The "guest" is this computer. */
export function transportContract(transportOf: () => Transport, { flaw }: { readonly flaw?: string } = {}): void {
  let directory: TemporaryDirectory;
  beforeAll(async () => {
    directory = await temporaryDirectory("mk-copy-");
  });
  afterAll(() => directory?.[Symbol.asyncDispose]());

  describe("exec", () => {
    test("passes arguments as given", async () => {
      const args = ["a b", "", "it's", "$HOME", "-n", "é☃", "*", "a\nb", "\\", '"', "`id`"];
      const { stdout } = await transportOf().exec(["printf", "<%s>", ...args]);
      expect(stdout).toBe(args.map((arg) => `<${arg}>`).join(""));
    });

    test("keeps both outputs apart and answers the exit code", async () => {
      const result = await transportOf().exec(["sh", "-c", "echo out; echo err >&2; exit 7"]);
      expect(result).toEqual({ stdout: "out\n", stderr: "err\n", exitCode: 7 });
    });

    test("answers 128 + n for a program that signal n ended", async () => {
      const { exitCode } = await transportOf().exec(["sh", "-c", "kill -TERM $$"]);
      expect(exitCode).toBe(143);
    });

    test("answers 127 for a program that does not exist", async () => {
      expect(await transportOf().exec(["sh", "-c", "mk-no-such-program"])).toMatchObject({ exitCode: 127 });
    });

    test("throws COMMAND_FAILED with the end of stderr when asked to check", async () => {
      await expect(
        transportOf().exec(["sh", "-c", "echo first >&2; echo why >&2; exit 3"], { check: true }),
      ).rejects.toMatchObject({ code: "COMMAND_FAILED", message: expect.stringContaining("exit code 3: why") });
    });

    test("gives the environment", async () => {
      const { stdout } = await transportOf().exec(["sh", "-c", 'printf %s "$A$B"'], {
        env: { A: "it's $B", B: "\nx" },
      });
      expect(stdout).toBe("it's $B\nx");
    });

    test("gives text on standard input", async () => {
      expect(await transportOf().exec(["cat"], { input: "né\0x" })).toMatchObject({ stdout: "né\0x" });
    });

    test("gives nothing on standard input when there is none", async () => {
      expect(await transportOf().exec(["wc", "-c"])).toMatchObject({ stdout: expect.stringMatching(/^\s*0\n$/) });
    });

    test("passes streams through, many megabytes of them", async () => {
      const block = Buffer.alloc(64 * 1024, "x");
      const input = Readable.from(Array.from({ length: 128 }, () => block));
      let bytes = 0;
      const stdout = new Writable({
        write(chunk: Buffer, _encoding, done) {
          bytes += chunk.length;
          done();
        },
      });
      const result = await transportOf().exec(["cat"], { input, stdout });
      expect(result).toEqual({ exitCode: 0, stdout: "", stderr: "" });
      expect(bytes).toBe(128 * block.length);
      expect(stdout.writableEnded).toBe(false);
    });

    test("ends with its program even while its input is open", async () => {
      const input = new PassThrough();
      expect(await transportOf().exec(["true"], { input })).toMatchObject({ exitCode: 0 });
    });

    test("does not wait for a program that does not read its input", async () => {
      const input = Buffer.alloc(4 * 1024 * 1024);
      expect(await transportOf().exec(["sh", "-c", "exit 5"], { input })).toMatchObject({ exitCode: 5 });
    });

    test("runs many programs at once", async (context) => {
      if (flaw !== undefined) context.skip(flaw);
      const words = Array.from({ length: 24 }, (_, index) => `word ${index}`);
      const results = await Promise.all(words.map((word) => transportOf().exec(["printf", "%s", word])));
      expect(results.map(({ stdout }) => stdout)).toEqual(words);
    });

    test("rejects with the signal's reason, and tells the program to end", async () => {
      const marker = directory.join("aborted");
      const abort = new AbortController();
      const reason = new Error("enough");
      const script = `trap 'echo ended >${marker}; exit' TERM HUP PIPE; while :; do echo up; sleep 0.05; done`;
      const stdout = new PassThrough();
      const running = transportOf().exec(["sh", "-c", script], { stdout, signal: abort.signal });
      stdout.once("data", () => abort.abort(reason));
      await expect(running).rejects.toBe(reason);
      await until("the program was told", async () => readFile(marker, "utf8").catch(() => undefined));
    });

    test("does not start anything for a signal that has aborted", async () => {
      const reason = new Error("too late");
      await expect(transportOf().exec(["true"], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });

    test("throws when the stream that takes the output breaks", async () => {
      const stdout = new Writable({ write: (_chunk, _encoding, done) => done(new Error("the pipe is closed")) });
      await expect(transportOf().exec(["echo", "x"], { stdout })).rejects.toMatchObject({ code: "IO_FAILED" });
    });
  });

  describe("script", () => {
    test("runs by sh and reads nothing of itself", async () => {
      const { stdout } = await transportOf().script("x='a b'\ncat\necho \"$x\" # comment");
      expect(stdout).toBe("a b\n");
    });

    test("runs nothing of a script that is cut off", async () => {
      const { stdout, exitCode } = await transportOf().script("echo started\nif true; then");
      expect(stdout).toBe("");
      expect(exitCode).not.toBe(0);
    });

    test("may be empty", async () => {
      expect(await transportOf().script("")).toMatchObject({ exitCode: 0 });
    });
  });

  describe("copyTo", () => {
    test("copies a file with its mode and time under the name that was asked for", async () => {
      const source = directory.join("source.txt");
      await writeFile(source, "contents\0é");
      await chmod(source, 0o754);
      await utimes(source, 0, TIME);
      await transportOf().copyTo(source, directory.join("new", "sub", "name with 'quotes'"));
      const copy = directory.join("new", "sub", "name with 'quotes'");
      expect(await readFile(copy, "utf8")).toBe("contents\0é");
      expect((await stat(copy)).mode & 0o777).toBe(0o754);
      expect((await stat(copy)).mtimeMs).toBe(TIME * 1000);
    });

    test("copies a file into a directory that exists", async () => {
      const source = directory.join("into.txt");
      await writeFile(source, "x");
      await mkdir(directory.join("existing"));
      await transportOf().copyTo(source, directory.join("existing"));
      expect(await readFile(directory.join("existing", "into.txt"), "utf8")).toBe("x");
    });

    test("copies an empty file and one of many megabytes", async () => {
      const big = Buffer.alloc(9 * 1024 * 1024 + 13, "abcdefg");
      for (const contents of [Buffer.alloc(0), big]) {
        await writeFile(directory.join("size"), contents);
        await transportOf().copyTo(directory.join("size"), directory.join("size.copy"));
        expect((await readFile(directory.join("size.copy"))).equals(contents)).toBe(true);
      }
    });

    test("copies a tree with modes, times, symlinks and names of all kinds", async () => {
      const source = await tree(directory, "tree");
      await transportOf().copyTo(source, directory.join("tree.copy"));
      await expectTree(directory.join("tree.copy"));
    });

    test("puts a tree into a directory that exists, and its contents with '/.'", async () => {
      const source = await tree(directory, "tree2");
      await mkdir(directory.join("holder"));
      await transportOf().copyTo(source, directory.join("holder"));
      await expectTree(directory.join("holder", "tree2"));
      await mkdir(directory.join("holder2"));
      await chmod(directory.join("holder2"), 0o1733);
      await transportOf().copyTo(`${source}/.`, directory.join("holder2"));
      await expectTree(directory.join("holder2"));
      // A directory that was there keeps its mode: it could be /tmp.
      expect((await stat(directory.join("holder2"))).mode & 0o7777).toBe(0o1733);
    });

    test("puts the contents of what is named by '..' alone into the directory itself", async () => {
      const source = await tree(directory, "tree3");
      await mkdir(directory.join("outer", "holder"), { recursive: true });
      await transportOf().copyTo(`${source}/empty/..`, directory.join("outer", "holder"));
      await expectTree(directory.join("outer", "holder"));
      expect(await readdir(directory.join("outer"))).toEqual(["holder"]);
    });

    test("puts a file or a tree into a directory that is named as one, also when it is there already", async () => {
      await mkdir(directory.join("inner"));
      for (const contents of ["old", "new"]) {
        await writeFile(directory.join("inner", "file"), contents);
        await transportOf().copyTo(directory.join("inner"), directory.join("made", "to/"));
        await transportOf().copyTo(directory.join("inner", "file"), directory.join("made", "to/"));
      }
      expect((await readdir(directory.join("made", "to"))).sort()).toEqual(["file", "inner"]);
      expect(await readdir(directory.join("made", "to", "inner"))).toEqual(["file"]);
      expect(await readFile(directory.join("made", "to", "inner", "file"), "utf8")).toBe("new");
    });

    test("names what it cannot read", async () => {
      await expect(transportOf().copyTo(directory.join("none"), directory.join("x"))).rejects.toMatchObject({
        code: "IO_FAILED",
        message: expect.stringContaining(directory.join("none")),
      });
    });

    test.for(["name", "link"] as const)("refuses a tree with a %s that is not UTF-8", async (kind, context) => {
      if (process.platform === "darwin") context.skip("the file systems of macOS have no such names");
      const source = await treeNotUtf8(directory, `odd-${kind}`, kind);
      await expect(transportOf().copyTo(source, `${source}.copy`)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining(source),
      });
    });

    test("tells in the machine's words why a file cannot be written", async () => {
      const source = directory.join("plain");
      await writeFile(source, "x");
      await expect(transportOf().copyTo(source, `${source}/below`)).rejects.toMatchObject({ code: "COMMAND_FAILED" });
    });
  });

  describe("copyFrom", () => {
    test("copies a file with its mode and time", async () => {
      const source = directory.join("from source");
      await writeFile(source, "contents");
      await chmod(source, 0o640);
      await utimes(source, 0, TIME);
      await transportOf().copyFrom(source, directory.join("deep", "from"));
      expect(await readFile(directory.join("deep", "from"), "utf8")).toBe("contents");
      expect((await stat(directory.join("deep", "from"))).mode & 0o777).toBe(0o640);
      expect((await stat(directory.join("deep", "from"))).mtimeMs).toBe(TIME * 1000);
    });

    test("copies a tree with modes, times, symlinks and names of all kinds", async () => {
      const source = await tree(directory, "from-tree");
      await transportOf().copyFrom(source, directory.join("from-tree.copy"));
      await expectTree(directory.join("from-tree.copy"));
      await mkdir(directory.join("from-holder"));
      await transportOf().copyFrom(source, directory.join("from-holder"));
      await expectTree(directory.join("from-holder", "from-tree"));
      await mkdir(directory.join("from-holder2"));
      await chmod(directory.join("from-holder2"), 0o1733);
      await transportOf().copyFrom(`${source}/.`, directory.join("from-holder2"));
      await expectTree(directory.join("from-holder2"));
      expect((await stat(directory.join("from-holder2"))).mode & 0o7777).toBe(0o1733);
    });

    test("puts a file or a tree into a directory that is named as one, also when it is there already", async () => {
      await mkdir(directory.join("from-inner"));
      for (const contents of ["old", "new"]) {
        await writeFile(directory.join("from-inner", "file"), contents);
        await transportOf().copyFrom(directory.join("from-inner"), directory.join("made", "from/"));
        await transportOf().copyFrom(directory.join("from-inner", "file"), directory.join("made", "from/"));
      }
      expect((await readdir(directory.join("made", "from"))).sort()).toEqual(["file", "from-inner"]);
      expect(await readdir(directory.join("made", "from", "from-inner"))).toEqual(["file"]);
      expect(await readFile(directory.join("made", "from", "from-inner", "file"), "utf8")).toBe("new");
    });

    test("refuses a tree with a link that leads out", async () => {
      await mkdir(directory.join("evil"));
      await symlink("/etc/passwd", directory.join("evil", "link"));
      await expect(transportOf().copyFrom(directory.join("evil"), directory.join("evil.copy"))).rejects.toMatchObject({
        code: "PROTOCOL_ERROR",
        message: expect.stringContaining("/etc/passwd"),
      });
    });

    test.for(["name", "link"] as const)("refuses a tree with a %s that is not UTF-8", async (kind, context) => {
      if (process.platform === "darwin") context.skip("the file systems of macOS have no such names");
      const source = await treeNotUtf8(directory, `from-odd-${kind}`, kind);
      await expect(transportOf().copyFrom(source, `${source}.copy`)).rejects.toMatchObject({
        code: "PROTOCOL_ERROR",
        message: expect.stringContaining("caf\ufffd"),
      });
    });

    test("names what does not exist", async () => {
      await expect(transportOf().copyFrom(directory.join("none"), directory.join("none.copy"))).rejects.toMatchObject({
        code: "COMMAND_FAILED",
        message: expect.stringContaining("does not exist"),
      });
    });
  });
}

const LONG = "long".repeat(40);
/** Seconds since 1970. */
const TIME = 1_600_000_001;

async function tree(directory: TemporaryDirectory, name: string): Promise<string> {
  const root = directory.join(name);
  await mkdir(`${root}/empty`, { recursive: true });
  await mkdir(`${root}/${LONG}/${LONG}`, { recursive: true });
  await mkdir(`${root}/read-only`);
  await writeFile(`${root}/run me`, "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(`${root}/-rf é ☃`, "odd name", { mode: 0o600 });
  await writeFile(`${root}/${LONG}/${LONG}/file`, "far down");
  await writeFile(`${root}/read-only/inside`, "x");
  await chmod(`${root}/read-only`, 0o555);
  await symlink("run me", `${root}/link`);
  await symlink(`../${LONG}/${LONG}/file`, `${root}/empty/${"up".repeat(60)}`);
  await symlink("nowhere", `${root}/dangling`);
  await utimes(`${root}/run me`, 0, TIME);
  return root;
}

/** A tree in which a name, or where a symlink leads to, is Latin-1. */
async function treeNotUtf8(directory: TemporaryDirectory, name: string, kind: "name" | "link"): Promise<string> {
  const root = directory.join(name);
  await mkdir(root);
  const latin1 = Buffer.from("caf\xe9", "latin1");
  if (kind === "name") await writeFile(Buffer.concat([Buffer.from(`${root}/`), latin1]), "x");
  else await symlink(latin1, `${root}/link`);
  return root;
}

async function expectTree(root: string): Promise<void> {
  const mode = async (path: string): Promise<number> => (await lstat(`${root}/${path}`)).mode & 0o777;
  expect(await mode("run me")).toBe(0o755);
  expect(await mode("-rf é ☃")).toBe(0o600);
  expect(await mode("read-only")).toBe(0o555);
  expect(await readFile(`${root}/-rf é ☃`, "utf8")).toBe("odd name");
  expect(await readFile(`${root}/${LONG}/${LONG}/file`, "utf8")).toBe("far down");
  expect(await readFile(`${root}/read-only/inside`, "utf8")).toBe("x");
  expect(await readlink(`${root}/link`)).toBe("run me");
  expect(await readFile(`${root}/empty/${"up".repeat(60)}`, "utf8")).toBe("far down");
  expect(await readlink(`${root}/dangling`)).toBe("nowhere");
  expect((await stat(`${root}/run me`)).mtimeMs).toBe(TIME * 1000);
}
