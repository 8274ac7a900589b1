import { PassThrough, Writable } from "node:stream";
import { expect, test } from "vitest";
import { collect } from "./collect.js";

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
