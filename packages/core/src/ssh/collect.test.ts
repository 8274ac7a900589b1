import { PassThrough, Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import type { RemoteProcess } from "./carrier.js";
import { collect, feed } from "./collect.js";

/** A stream whose reader has gone. */
const closed = (): Writable =>
  new Writable({ write: (_chunk, _encoding, done) => done(new Error("the pipe is closed")) });

test("an output that ends with its first bytes is not taken for delivered when the stream breaks on them", async () => {
  const from = new PassThrough();
  from.end("x");
  await expect(collect(from, closed()).delivered).rejects.toMatchObject({ code: "IO_FAILED" });
});

test("an output is delivered once the stream has taken all of it, and the stream is left open", async () => {
  const from = new PassThrough();
  const taken: string[] = [];
  const to = new Writable({
    write: (chunk, _encoding, done) => void setImmediate(() => done(void taken.push(String(chunk)))),
  });
  from.end("all of it");
  await collect(from, to).delivered;
  expect(taken.join("")).toBe("all of it");
  expect([to.writable, to.listenerCount("error")]).toEqual([true, 0]);
});

test("an output that nobody takes is text", async () => {
  const from = new PassThrough();
  const sink = collect(from, undefined);
  from.end("text");
  await sink.delivered;
  expect(sink.text()).toBe("text");
});

test.each([
  ["is closed", (to: Writable) => void to.destroy()],
  ["has ended", (to: Writable) => void to.end()],
])("an output of a program that still runs fails when the stream that takes it %s, and flows on", async (_, end) => {
  const from = new PassThrough();
  const to = new PassThrough();
  const { delivered } = collect(from, to);
  end(to);
  await expect(delivered).rejects.toMatchObject({ code: "IO_FAILED" });
  expect(from.readableFlowing).toBe(true);
});

/** A program whose input is kept, and which ends when it is told to. */
function program() {
  let end = (): void => undefined;
  const exitCode = new Promise<number>((resolve) => {
    end = () => resolve(0);
  });
  const stdin = new PassThrough();
  const process: RemoteProcess = {
    stdin,
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    exitCode,
    resize: () => undefined,
    kill: () => undefined,
  };
  return { process, stdin, end };
}

test.each([
  ["breaks", (input: Readable) => void input.destroy(new Error("the disk is gone"))],
  ["is closed before its end", (input: Readable) => void input.destroy()],
])("an input that %s fails, and is no uncaught exception", async (_, end) => {
  const input = new PassThrough();
  const fed = feed(program().process, input, { isTerminal: false });
  end(input);
  await expect(fed).rejects.toMatchObject({ code: "IO_FAILED" });
});

test("an input is given to its end", async () => {
  const { process, stdin } = program();
  await feed(process, Readable.from(["all ", "of it"]), { isTerminal: false });
  expect(await stdin.setEncoding("utf8").toArray()).toEqual(["all of it"]);
});

test("an input that does not end is let go of when the program ends", async () => {
  const { process, end } = program();
  const input = new PassThrough();
  const listeners = input.listenerCount("error");
  const fed = feed(process, input, { isTerminal: false });
  end();
  await fed;
  expect([input.isPaused(), input.listenerCount("error")]).toEqual([true, listeners]);
});
