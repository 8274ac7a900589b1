import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptedHost } from "@mk/conformance";
import { createNodeHost, type Host } from "@mk/core";
import { describe, expect, test } from "vitest";

interface Place extends AsyncDisposable {
  readonly host: Host;
  /** An empty directory. */
  readonly directory: string;
}

async function scripted(): Promise<Place> {
  const host = scriptedHost({ programs: { sh: () => 0 } });
  await host.files.makeDirectory("/work");
  return { host, directory: "/work", [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() };
}

async function real(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), "mk-parity-"));
  const host = createNodeHost({ home: directory });
  return { host, directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

// A driver that passes on the scripted host must find the same on a computer.
describe.each([
  ["the scripted host", scripted],
  ["this computer", real],
])("%s", (_, open) => {
  test("answers undefined for files that are not there", async () => {
    await using place = await open();
    const { files } = place.host;
    const gone = join(place.directory, "gone");
    expect(await files.readText(gone)).toBeUndefined();
    expect(await files.readBytes(gone)).toBeUndefined();
    expect(await files.stat(gone)).toBeUndefined();
    expect(await files.realpath(gone)).toBeUndefined();
    await files.remove(gone);
  });

  test("reads what it wrote, whole and in parts", async () => {
    await using place = await open();
    const { files } = place.host;
    const path = join(place.directory, "file");
    await files.write(path, "0123456789");
    expect(await files.readText(path)).toBe("0123456789");
    expect(text(await files.readBytes(path, { offset: 3, length: 4 }))).toBe("3456");
    expect(text(await files.readBytes(path, { offset: 8, length: 10 }))).toBe("89");
    expect(text(await files.readBytes(path, { offset: 20 }))).toBe("");
    expect(await files.stat(path)).toMatchObject({ kind: "file", size: 10 });
    expect((await files.stat(path))!.mode & 0o777).toBe(0o600);
  });

  test("patches and grows sparse files, and never shrinks them", async () => {
    await using place = await open();
    const { files } = place.host;
    const path = join(place.directory, "disk");
    await files.allocate(path, 1 << 30);
    await files.patch(path, 1 << 20, Buffer.from("boot"));
    await files.allocate(path, 1024);
    expect(await files.stat(path)).toMatchObject({ size: 1 << 30 });
    expect((await files.stat(path))!.allocated).toBeLessThan(1 << 22);
    expect(text(await files.readBytes(path, { offset: 1 << 20, length: 4 }))).toBe("boot");
  });

  test("concatenates files and bytes, also onto one of its parts", async () => {
    await using place = await open();
    const { files } = place.host;
    const path = join(place.directory, "part");
    await files.write(path, "two");
    await files.concat(path, [Buffer.from("one "), path, Buffer.from(" three")]);
    expect(await files.readText(path)).toBe("one two three");
  });

  test("refuses to read a text that is larger than it may be", async () => {
    await using place = await open();
    const { files } = place.host;
    const path = join(place.directory, "file");
    await files.write(path, "0123456789");
    expect(await files.readText(path, { maxBytes: 10 })).toBe("0123456789");
    await expect(files.readText(path, { maxBytes: 9 })).rejects.toMatchObject({ code: "IO_FAILED" });
  });

  test("lists nothing where there is no directory", async () => {
    await using place = await open();
    const { files } = place.host;
    expect(await files.list(join(place.directory, "gone"))).toEqual([]);
  });

  test("refuses to write where there is no directory", async () => {
    await using place = await open();
    const path = join(place.directory, "no", "such", "file");
    await expect(place.host.files.write(path, "")).rejects.toMatchObject({ code: "IO_FAILED" });
  });

  test("lists names, removes trees, renames over files", async () => {
    await using place = await open();
    const { files } = place.host;
    const at = (...names: string[]) => join(place.directory, ...names);
    await files.makeDirectory(at("a", "b"));
    await files.write(at("a", "b", "c"), "c");
    await files.write(at("d"), "d");
    expect([...(await files.list(place.directory))].sort()).toEqual(["a", "d"]);
    await files.rename(at("a", "b", "c"), at("d"));
    expect(await files.readText(at("d"))).toBe("c");
    await files.remove(at("a"));
    expect(await files.list(place.directory)).toEqual(["d"]);
  });

  test("follows a file from before it is there until its signal aborts", async () => {
    await using place = await open();
    const { files } = place.host;
    const path = join(place.directory, "log");
    const end = new AbortController();
    let seen = "";
    const following = (async () => {
      for await (const bytes of files.follow(path, { signal: end.signal })) {
        seen += text(bytes);
        if (seen === "hello") end.abort();
      }
    })();
    await files.write(path, "hello");
    await following;
    expect(seen).toBe("hello");
  });

  test("leases a port once, and again when it was released", async () => {
    await using place = await open();
    const { network } = place.host;
    const first = await network.leasePort();
    const second = await network.leasePort({ preferred: first.port });
    expect(second.port).not.toBe(first.port);
    await expect(network.leasePort({ preferred: first.port, exact: true })).rejects.toMatchObject({
      code: "PORT_IN_USE",
    });
    await first.release();
    const third = await network.leasePort({ preferred: first.port });
    expect(third.port).toBe(first.port);
    for (const lease of [second, third]) await lease.release();
  });

  test("cannot connect where nothing listens", async () => {
    await using place = await open();
    const { signal } = new AbortController();
    const { network } = place.host;
    const path = join(place.directory, "no.sock");
    await expect(network.connect({ path }, signal)).rejects.toMatchObject({ code: "NETWORK_FAILED" });
    await expect(network.connect({ host: "127.0.0.1", port: 1 }, signal)).rejects.toMatchObject({
      code: "NETWORK_FAILED",
    });
  });

  test("does not run what is not installed", async () => {
    await using place = await open();
    const { host } = place;
    expect(await host.which("mk-no-such-program")).toBeUndefined();
    const missing = { code: "COMMAND_NOT_FOUND" };
    await expect(host.run("mk-no-such-program", [])).rejects.toMatchObject(missing);
    await expect(host.processes.spawnDaemon("mk-no-such-program", [])).rejects.toMatchObject(missing);
  });

  test("rejects a delay with its signal's reason", async () => {
    await using place = await open();
    const reason = new Error("enough");
    await expect(place.host.delay(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = place.host.delay(600_000, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test("keeps what was cached, as JSON", async () => {
    await using place = await open();
    expect(await place.host.cache.read("key")).toBeUndefined();
    await place.host.cache.write("key", { works: true });
    expect(await place.host.cache.read("key")).toEqual({ works: true });
  });

  test("answers undefined for the identity of a process that is not there", async () => {
    await using place = await open();
    expect(await place.host.processes.identify(2 ** 22 + 7)).toBeUndefined();
    const gone = { pid: 2 ** 22 + 7, bootId: await place.host.bootId(), startTime: "1", executable: "/x" };
    expect(await place.host.processes.isAlive(gone)).toBe(false);
    expect(await place.host.processes.signal(gone, "SIGKILL")).toBe(false);
    await place.host.processes.waitGone(gone, new AbortController().signal);
  });
});
