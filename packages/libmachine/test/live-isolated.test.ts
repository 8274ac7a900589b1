import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { MkError } from "@mk/core";
import { live, until } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "./support/bundle.js";
import { buildIsolated, hasCode, type IsolatedPrograms, isolatedMachine } from "./support/isolated-machine.js";
import { operation } from "./support/operation.js";
import { isAlive } from "./support/peer-session.js";

let programs: IsolatedPrograms;

beforeAll(async () => {
  programs = await buildIsolated();
});

afterAll(async () => {
  await programs[Symbol.asyncDispose]();
});

/** Processes that were started for an isolated driver and live. */
async function children(): Promise<readonly number[]> {
  const path = `/proc/${process.pid}/task/${process.pid}/children`;
  const pids = (await readFile(path, "utf8")).trim().split(" ").filter(Boolean).map(Number);
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return pids.filter((_, index) => commands[index]?.includes(programs.child.path) === true);
}

describe("an isolated driver", () => {
  it("lives a full life in another process", async () => {
    await using test = await isolatedMachine(programs);
    const { machine, context } = test;
    expect(await machine.inspect(operation())).toEqual({ state: "absent" });
    const create = operation();
    await machine.create(create);
    expect(create.steps).toEqual(["paint"]);
    expect(create.lines).toEqual(["pretend create"]);
    expect(await context.record.read()).toMatchObject({ config: { color: "red", cpus: 3 } });
    await machine.start(operation());
    expect(await machine.inspect(operation())).toEqual({ state: "running" });
    expect(await machine.access(operation())).toEqual({ via: "exec", argv: ["env"] });
    expect(await machine.endpoint(2376, operation())).toEqual({ host: "127.0.0.1", port: 2376 });
    expect(await machine.address?.(operation())).toBe("192.0.2.7");
    await machine.stop(operation());
    await machine.remove(operation());
    expect(await machine.inspect(operation())).toEqual({ state: "absent" });
    expect(await children()).toHaveLength(1);
    await machine.close?.();
    expect(await children()).toEqual([]);
  });

  it("has the abilities of the driver and no others", async () => {
    await using test = await isolatedMachine(programs);
    expect(test.machine).toHaveProperty("address");
    expect(test.machine).not.toHaveProperty("suspension");
    expect(test.machine).not.toHaveProperty("console");
  });

  it("probes in the other process", async () => {
    await using test = await isolatedMachine(programs);
    const status = await test.driver.status(test.context.host, AbortSignal.timeout(30_000));
    expect(status).toMatchObject({ status: "ready", version: "1.0" });
  });

  it("brings errors back with code, hint and details", async () => {
    await using test = await isolatedMachine(programs, { failOn: "start" });
    await test.machine.create(operation());
    const error = await test.machine.start(operation()).catch((reason: unknown) => reason);
    expect(MkError.is(error, "NO_SPACE") && error.toJSON()).toMatchObject({
      hint: "Buy a bigger disk.",
      details: { method: "start" },
    });
  });

  it("rolls back over there what failed over there", async () => {
    await using test = await isolatedMachine(programs, { failOn: "late" });
    const create = operation();
    await expect(test.machine.create(create)).rejects.toThrow("a bug in the driver");
    expect(await test.machine.inspect(operation())).toEqual({ state: "stopped" });
    await create.rollBack();
    expect(await test.machine.inspect(operation())).toEqual({ state: "absent" });
  });

  it("passes an abort on and throws its reason", async () => {
    await using test = await isolatedMachine(programs, { hangOn: "create" });
    const controller = new AbortController();
    const create = operation(controller.signal);
    const creating = test.machine.create({ ...create, log: () => controller.abort(new Error("the user left")) });
    await expect(creating).rejects.toThrow("the user left");
    expect(await test.machine.inspect(operation())).toEqual({ state: "absent" });
  });

  it("fails with PLUGIN_CRASHED when its process dies, and works again in a new one", async () => {
    await using test = await isolatedMachine(programs, { dieOn: "create" });
    await expect(test.machine.create(operation())).rejects.toSatisfy(hasCode("PLUGIN_CRASHED", "SIGKILL"));
    const again = await test.open();
    expect(await again.inspect(operation())).toEqual({ state: "absent" });
  });

  it("goes on where it was when its process was stopped for a while", async () => {
    await using test = await isolatedMachine(programs);
    const [pid] = await children();
    process.kill(pid!, "SIGSTOP");
    const inspecting = test.machine.inspect(operation());
    process.kill(pid!, "SIGCONT");
    expect(await inspecting).toEqual({ state: "absent" });
  });

  it("leaves no process when the parent's end of the pipe closes", async () => {
    await using test = await isolatedMachine(programs, { hangOn: "create" });
    const creating = test.machine.create(operation()).catch((error: unknown) => error);
    await test.machine.close?.();
    expect(await creating).toSatisfy(hasCode("PLUGIN_CRASHED"));
    expect(await children()).toEqual([]);
  });
});

const asRoot = await live({ needs: ["root", "linux"] });

asRoot("an isolated driver that runs as root", () => {
  it("does not end mk when it hangs, and ends with its standard input", async () => {
    await using program = await bundle("programs/lose-privileges.ts", "lose-privileges");
    const run = promisify(execFile)(process.execPath, [program.path, programs.module.path, programs.child.path]);
    const pid = Number((await run).stdout);
    process.kill(pid, "SIGCONT");
    await until("the process is gone", async () => !(await isAlive(pid)));
  });
});
