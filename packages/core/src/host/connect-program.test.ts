import { once } from "node:events";
import { text } from "node:stream/consumers";
import { until } from "@mk/testing";
import { expect, test } from "vitest";
import { createNodeHost } from "./node-host.js";

const { network, processes } = createNodeHost();
const { signal } = new AbortController();

const connect = (script: string, ...args: readonly string[]) =>
  network.connect({ argv: ["sh", "-c", script, "sh", ...args] }, signal);

test("a program's standard input and output are the connection, whatever is sent", async () => {
  const connection = await network.connect({ argv: ["cat"] }, signal);
  const sent = "\0\r\n'x'".repeat(100_000);
  connection.end(sent);
  expect(await text(connection)).toBe(sent);
});

test("arguments are passed on as they are", async () => {
  const connection = await connect('printf "%s|" "$@"', "a b", "$(id)", "");
  connection.end();
  expect(await text(connection)).toBe("a b|$(id)||");
});

test("what the program says before it fails is the connection's error, and no end of it", async () => {
  const connection = await connect("exec 1>&-; echo first >&2; echo 'Permission denied (publickey).' >&2; exit 255");
  await expect(text(connection)).rejects.toMatchObject({
    code: "COMMAND_FAILED",
    message: "sh ended with exit code 255: Permission denied (publickey).",
    details: { exitCode: 255 },
  });
});

test("a program ends with its connection, and its children too", async () => {
  const connection = await connect("sleep 300 & echo $$ $!; wait");
  const [line] = (await once(connection, "data")) as [Buffer];
  const pids = line.toString().trim().split(" ").map(Number);
  expect(pids).toHaveLength(2);
  connection.destroy();
  await until("both are gone", async () => {
    const left = await Promise.all(pids.map((pid) => processes.identify(pid)));
    return left.every((identity) => identity === undefined);
  });
});

test("what a program leaves behind when it ends by itself stays", async () => {
  const connection = await connect("sleep 300 <&- >&- 2>&- & echo $!");
  connection.end();
  const pid = Number(await text(connection));
  connection.destroy();
  const identity = await processes.identify(pid);
  expect(identity).toBeDefined();
  if (identity !== undefined) await processes.signal(identity, "SIGKILL");
});

test("writing to a program that has ended is no error of its own", async () => {
  const connection = await connect("exit 0");
  connection.write("x".repeat(1_000_000));
  expect(await text(connection)).toBe("");
});

test("a program that is not installed is refused, and none is started for a signal that has aborted", async () => {
  await expect(network.connect({ argv: ["mk-no-such-program"] }, signal)).rejects.toMatchObject({
    code: "COMMAND_NOT_FOUND",
  });
  const reason = new Error("enough");
  await expect(network.connect({ argv: ["cat"] }, AbortSignal.abort(reason))).rejects.toBe(reason);
});
