import { createMk, type Mk, type MkEvent, type MkOptions } from "@mk/core";
import { temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeImages } from "./images.js";
import { type ProcessDriverInit, processDriver } from "./process-driver/process-driver.js";

let home: Awaited<ReturnType<typeof temporaryDirectory>>;
let events: MkEvent[];

function openMk(driver: ProcessDriverInit = {}, options: MkOptions = {}): Mk {
  return createMk({
    home: home.path,
    drivers: [processDriver(driver)],
    images: fakeImages(),
    onEvent: (event) => events.push(event),
    ...options,
  });
}

beforeEach(async () => {
  home = await temporaryDirectory("mk-core-");
  events = [];
});
afterEach(async () => {
  await using mk = openMk();
  for (const { name } of await mk.list()) await (await mk.machine(name)).delete({ forget: true });
  await home[Symbol.asyncDispose]();
});

describe("a machine's life", () => {
  it("creates, starts, runs a command, stops and deletes", async () => {
    await using mk = openMk();
    const machine = await mk.start({ name: "one" });
    expect(await machine.status()).toEqual({ state: "running" });
    expect(await machine.exec(["echo", "hello  there"])).toMatchObject({ exitCode: 0, stdout: "hello  there\n" });
    await machine.stop();
    expect(await machine.status()).toEqual({ state: "stopped" });
    await machine.delete();
    await expect(mk.machine("one")).rejects.toMatchObject({ code: "MACHINE_ABSENT" });
    expect(await mk.list()).toEqual([]);
  });
});
