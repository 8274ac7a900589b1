import { chmod, mkdir, readFile, readlink, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { PassThrough } from "node:stream";
import { createMk } from "@mk/core";
import { guestImages } from "@mk/guest";
import { live, temporaryDirectory, testHome, until } from "@mk/testing";
import { expect, test } from "vitest";
import qemu from "../src/index.js";

const suite = await live({ needs: ["qemu", "linux", "network"] });

suite("the transport into a real guest", () => {
  test("runs programs, copies trees both ways, forwards the engine's socket and ports on demand, sets the clock", {
    timeout: 900_000,
  }, async () => {
    await using directory = await temporaryDirectory("mk-way-");
    await using mk = createMk({
      home: directory.join("home"),
      drivers: [qemu],
      images: guestImages({ home: testHome() }),
    });
    await using machine = await mk.start({
      name: "way",
      driver: "qemu",
      cpus: 2,
      memoryMiB: 1024,
      diskMiB: 4096,
      onDispose: "delete",
    });
    const args = ["a b", "", "it's", "$HOME", "-n", "é☃", "*", "a\nb", "\\"];
    expect((await machine.exec(["printf", "<%s>", ...args])).stdout).toBe(args.map((arg) => `<${arg}>`).join(""));

    const words = Array.from({ length: 24 }, (_, index) => `word ${index}`);
    const results = await Promise.all(words.map((word) => machine.exec(["printf", "%s", word])));
    expect(results.map(({ stdout }) => stdout)).toEqual(words);

    expect((await machine.exec(["sh", "-c", "kill -TERM $$"])).exitCode).toBe(143);
    expect((await machine.exec(["stty", "size"], { tty: { columns: 99, rows: 33 } })).stdout.trim()).toBe("33 99");
    expect((await machine.script("x='a b'\ncat\necho \"$x\"")).stdout).toBe("a b\n");

    const abort = new AbortController();
    const stdout = new PassThrough();
    stdout.once("data", () => abort.abort());
    const running = machine.exec(["sh", "-c", "echo $$; exec sleep 1234"], { stdout, signal: abort.signal });
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    const gone = await machine.script("while pgrep -f '[s]leep 1234' >/dev/null; do sleep 0.1; done; echo gone");
    expect(gone.stdout).toBe("gone\n");

    const long = "long".repeat(40);
    const tree = directory.join("tree");
    await mkdir(`${tree}/${long}/${long}`, { recursive: true });
    await writeFile(`${tree}/${long}/${long}/-rf é ☃`, "far down", { mode: 0o640 });
    await writeFile(`${tree}/big`, Buffer.alloc(5_000_003, "abc"));
    await symlink(`${long}/${long}`, `${tree}/link`);
    await chmod(`${tree}/${long}`, 0o555);
    await machine.copyTo(tree, "/home/mk/copy");
    await machine.copyFrom("/home/mk/copy", directory.join("back"));
    expect(await readFile(directory.join("back", "link", "-rf é ☃"), "utf8")).toBe("far down");
    expect((await stat(directory.join("back", long, long, "-rf é ☃"))).mode & 0o777).toBe(0o640);
    expect((await stat(directory.join("back", long))).mode & 0o777).toBe(0o555);
    expect(await readlink(directory.join("back", "link"))).toBe(`${long}/${long}`);
    expect((await readFile(directory.join("back", "big"))).equals(await readFile(`${tree}/big`))).toBe(true);

    await using forward = await machine.forward({ path: directory.join("d.sock") }, { path: "/run/docker.sock" });
    if (!("path" in forward.local)) throw new TypeError("not a socket");
    expect(await get(forward.local.path, "/_ping")).toBe("OK");

    // QEMU accepts on the host before it has reached the guest: only what the guest says proves anything.
    const stop = new AbortController();
    const server = machine.script("while :; do echo pong | nc -l -p 8080; done", { signal: stop.signal });
    server.catch(() => undefined); // it is ended below
    const { host, port } = await machine.endpoint(8080);
    expect(host).toBe("127.0.0.1");
    await until("the guest answers", async () => (await read(host, port)) === "pong\n", AbortSignal.timeout(60_000));
    stop.abort();

    // A guest's clock stands still with it, and its console may be cut at any time.
    await machine.script("sudo date -u -s '2020-01-01 00:00'", { check: true });
    await machine.pause();
    await machine.resume();
    const clock = Number((await machine.exec(["date", "+%s"], { check: true })).stdout);
    expect(Math.abs(Date.now() / 1000 - clock)).toBeLessThan(600);
    await truncate(directory.join("home", "machines", "way", "serial.log"), 0);
    await machine.start();
  });
});

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += String(chunk);
      });
      response.once("end", () => resolve(text));
    })
      .once("error", reject)
      .end();
  });
}

/** All that a server says before it closes, or before it has been silent for long. */
function read(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host, port, timeout: 2_000 });
    socket.on("data", (chunk) => {
      text += chunk;
      if (text.endsWith("\n")) socket.destroy();
    });
    socket.once("timeout", () => socket.destroy()).on("error", () => undefined);
    socket.once("close", () => resolve(text));
  });
}
