import { setImmediate } from "node:timers/promises";
import { scriptedHost } from "@mk/conformance";
import { expect, test } from "vitest";

test("time stands still while somebody begins waits and gives them up", async () => {
  await using host = scriptedHost();
  const before = host.now();
  for (let round = 0; round < 10; round++) {
    const done = new AbortController();
    const waiting = host.delay(3_000, done.signal).catch(() => undefined);
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    done.abort();
    await waiting;
  }
  expect(host.now()).toBe(before);
});
