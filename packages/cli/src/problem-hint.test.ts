import { PassThrough } from "node:stream";
import type { MachineInfo } from "@mk/core";
import { describe, expect, it } from "vitest";
import { list } from "./commands/list.js";
import { status } from "./commands/status.js";
import type { Context } from "./context.js";
import { Output } from "./terminal/output.js";
import { createPalette } from "./terminal/palette.js";

const broken: MachineInfo = {
  id: "0",
  name: "box",
  driver: "fake",
  spec: { cpus: 1, memoryMiB: 1024, diskMiB: 1024 } as MachineInfo["spec"],
  status: { state: "broken", reason: "it is" },
  createdAt: "",
  problem: { code: "MACHINE_BROKEN", message: "it is" },
};

/** What a command writes about a broken machine. */
async function written(command: typeof list): Promise<string> {
  const stream = new PassThrough({ encoding: "utf8" });
  const output = new Output(stream);
  const mk = { list: async () => [broken], machine: async () => ({ info: async () => broken }) };
  const context = { stdout: output, stderr: output, palette: createPalette(false), profile: "box", mk: async () => mk };
  await command(context as unknown as Context, [], {});
  return String(stream.read());
}

describe("what to do about a broken machine", () => {
  it.each([
    ["list", list],
    ["status", status],
  ])("is said by mk %s with the machine's name", async (_, command) => {
    expect(await written(command)).toContain("`mk stop --force -p box` and `mk start -p box`");
  });
});
