import { appendFile, mkdir, rename, truncate, unlink, writeFile } from "node:fs/promises";
import { temporaryDirectory, until } from "@mk/testing";
import { describe, expect, test } from "vitest";
import { follow } from "./follow.js";

/** Collects what is followed until disposed. */
function following(path: string, offset?: number) {
  const abort = new AbortController();
  let text = "";
  const done = (async () => {
    const options = { signal: abort.signal, ...(offset !== undefined && { offset }) };
    for await (const chunk of follow(path, options)) text += Buffer.from(chunk).toString();
  })();
  done.catch(() => undefined);
  return {
    sees: (wanted: string) =>
      until(`${path} shows ${JSON.stringify(wanted)}, not ${JSON.stringify(text)}`, () => text === wanted),
    done,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await done;
    },
  };
}

describe("follow", () => {
  test("gives what is there, then what is appended", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.join("f"), "one ");
    await using log = following(directory.join("f"));
    await log.sees("one ");
    await appendFile(directory.join("f"), "two ");
    await log.sees("one two ");
    await appendFile(directory.join("f"), "three");
    await log.sees("one two three");
  });

  test("begins at an offset", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.join("f"), "0123456");
    await using log = following(directory.join("f"), 4);
    await log.sees("456");
  });

  test("waits for a file that does not exist yet, beside others that change", async () => {
    await using directory = await temporaryDirectory();
    await using log = following(directory.join("f"));
    await writeFile(directory.join("other"), "noise");
    await writeFile(directory.join("f"), "here");
    await log.sees("here");
    await appendFile(directory.join("f"), " and more");
    await log.sees("here and more");
  });

  test("goes on from the beginning of a file that shrank or was replaced", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.join("f"), "long old log ");
    await using log = following(directory.join("f"));
    await log.sees("long old log ");
    await truncate(directory.join("f"), 0);
    await appendFile(directory.join("f"), "new ");
    await log.sees("long old log new ");
    await writeFile(directory.join("next"), "next ");
    await rename(directory.join("next"), directory.join("f"));
    await log.sees("long old log new next ");
    await unlink(directory.join("f"));
    await writeFile(directory.join("f"), "last");
    await log.sees("long old log new next last");
  });

  test("gives a chunk of many megabytes whole", async () => {
    await using directory = await temporaryDirectory();
    const text = "0123456789".repeat(300_000);
    await writeFile(directory.join("f"), "");
    await using log = following(directory.join("f"));
    await appendFile(directory.join("f"), text);
    await log.sees(text);
  });

  test("ends when the signal aborts, before and while it waits", async () => {
    await using directory = await temporaryDirectory();
    const chunks: Uint8Array[] = [];
    for await (const chunk of follow(directory.join("f"), { signal: AbortSignal.abort() })) chunks.push(chunk);
    expect(chunks).toEqual([]);
    const abort = new AbortController();
    const next = follow(directory.join("f"), { signal: abort.signal }).next();
    abort.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test("ends its watch when the reader stops reading", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.join("f"), "x");
    for await (const _ of follow(directory.join("f"), { signal: new AbortController().signal })) break;
    await using log = following(directory.join("f"));
    await log.sees("x");
  });

  test("names a path that cannot be read", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(directory.join("d"));
    const next = follow(directory.join("d"), { signal: new AbortController().signal }).next();
    await expect(next).rejects.toMatchObject({
      code: "IO_FAILED",
      message: expect.stringContaining(directory.join("d")),
    });
  });
});
