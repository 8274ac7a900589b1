import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import {
  createMk,
  type Driver,
  type DriverStatus,
  type Machine,
  type Mk,
  MkError,
  type MkEvent,
  type MkOptions,
  type StartRequest,
} from "@mk/core";
import { type TemporaryDirectory, temporaryDirectory, until } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeImages } from "./images.js";
import { type ProcessDriverInit, processDriver } from "./process-driver/process-driver.js";

let home: TemporaryDirectory;
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

/** An event in short: `step.started:start.ready`, `note`, … */
function inShort({ data }: MkEvent): string {
  return "step" in data ? `${data.type}:${data.operation}.${data.step}` : data.type;
}

function seen(): readonly string[] {
  return events.map(inShort);
}

/** An mk, and a signal that aborts at an event of it. */
function openCancelling(event: string): { readonly mk: Mk; readonly signal: AbortSignal } {
  const controller = new AbortController();
  const mk = openMk({}, { onEvent: (each) => inShort(each) === event && controller.abort() });
  return { mk, signal: controller.signal };
}

/** A machine whose methods are those of the process driver but for some. */
function changed(parts: (machine: Machine) => Partial<Machine>): ProcessDriverInit {
  return { change: (machine) => ({ ...machine, ...parts(machine) }) };
}

/** Never settles and listens to nothing. */
const hangs = (): Promise<never> => new Promise(() => undefined);

/** The `createConfig` of a driver that can do nothing of what is asked. */
const refuses = (): never => {
  throw new MkError("NOT_SUPPORTED", "the driver cannot do that");
};

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
  it("creates, starts, runs commands, stops and deletes", async () => {
    await using mk = openMk();
    const machine = await mk.start({ name: "one" });
    expect(await machine.status()).toEqual({ state: "running" });
    expect(await machine.exec(["echo", "hello  there"])).toMatchObject({ exitCode: 0, stdout: "hello  there\n" });
    expect(await machine.script("echo $((6 * 7))")).toMatchObject({ exitCode: 0, stdout: "42\n" });
    await machine.stop();
    expect(await machine.status()).toEqual({ state: "stopped" });
    await machine.delete();
    await expect(mk.machine("one")).rejects.toMatchObject({ code: "MACHINE_ABSENT" });
    expect(await mk.list()).toEqual([]);
    expect(await readdir(home.join("machines"))).toEqual([]);
    expect(await readdir(home.join("locks"))).toEqual([]);
  });

  it("takes as much time as it is given, though that is longer than a timer can be, or without end", async () => {
    await using mk = openMk();
    await mk.start({ timeoutMs: 2 ** 31 });
    expect(await mk.list({ timeoutMs: Number.POSITIVE_INFINITY })).toMatchObject([{ status: { state: "running" } }]);
  });

  it.each(["inspect", "kill", "driver", "intent"])(
    "keeps a machine whose deletion is cancelled at %s",
    async (step) => {
      await using mk = openMk();
      const machine = await mk.start();
      const { id } = await machine.info();
      const cancelling = openCancelling(`step.started:delete.${step}`);
      await using same = await cancelling.mk.machine("mk");
      await expect(same.delete({ signal: cancelling.signal })).rejects.toMatchObject({ code: "CANCELLED" });
      await mk.start();
      expect(await machine.info()).toMatchObject({ id, status: { state: "running" } });
      expect(await readFile(home.join("machines", "mk", "disk.raw"), "utf8")).toBe(`disk of ${id}\n`);
    },
  );

  it("verifies a running machine instead of starting it again", async () => {
    await using mk = openMk();
    await mk.start();
    events = [];
    await mk.start();
    expect(seen()).not.toContain("step.started:start.driver");
    expect(seen()).toContain("step.finished:start.ready");
  });

  it("keeps the machine and its disk over stop, start and restart", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    const { id } = await machine.info();
    await machine.stop();
    await machine.start();
    await machine.restart();
    expect(await machine.info()).toMatchObject({ id, status: { state: "running" } });
    expect(await readFile(home.join("machines", "mk", "disk.raw"), "utf8")).toBe(`disk of ${id}\n`);
  });

  it("stops a machine that is off already, and says so of one that is not there", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    await machine.stop();
    await machine.stop();
    await machine.delete();
    await expect(machine.stop()).rejects.toMatchObject({ code: "MACHINE_ABSENT" });
    await expect(machine.delete()).rejects.toMatchObject({ code: "MACHINE_ABSENT" });
    await expect(machine.exec(["true"])).rejects.toMatchObject({ code: "MACHINE_ABSENT" });
  });

  it("boots a machine anew whose guest crashed, by the commands that the error names", async () => {
    let hasCrashed = false;
    await using mk = openMk(
      changed((machine) => ({
        inspect: async (op) =>
          hasCrashed ? { state: "broken", reason: "the guest crashed" } : await machine.inspect(op),
        kill: async (op) => {
          await machine.kill(op);
          hasCrashed = false;
        },
      })),
    );
    const machine = await mk.start();
    hasCrashed = true;
    await expect(machine.start()).rejects.toMatchObject({
      code: "MACHINE_BROKEN",
      hint: expect.stringContaining("`mk stop -p mk` and `mk start -p mk`"),
    });
    await machine.stop();
    await machine.start();
    expect(await machine.status()).toEqual({ state: "running" });
  });

  it.each([
    ["what the driver says, when that has a code of its own", "PORT_IN_USE", "PORT_IN_USE"],
    ["its reason, when the driver only failed", "DRIVER_FAILED", "MACHINE_BROKEN"],
  ] as const)("tells, of a pause that cannot end, %s", async (_what, code, expected) => {
    let isPaused = false;
    await using mk = openMk(
      changed((machine) => ({
        inspect: async (op) =>
          isPaused ? { state: "paused", reason: "a disk error stopped it" } : await machine.inspect(op),
        suspension: { pause: async () => {}, resume: () => Promise.reject(new MkError(code, "no")) },
      })),
    );
    const machine = await mk.start();
    isPaused = true;
    await expect(machine.start()).rejects.toMatchObject({ code: expected });
  });

  it("refuses to run a command in a stopped machine and names the command that starts it", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    await machine.stop();
    await expect(machine.exec(["true"])).rejects.toMatchObject({
      code: "MACHINE_NOT_RUNNING",
      hint: "Start it with `mk start -p mk`.",
    });
  });

  it("deletes at the end of the block when asked to", async () => {
    await using mk = openMk();
    {
      await using machine = await mk.start({ onDispose: "delete" });
      expect(await machine.status()).toEqual({ state: "running" });
    }
    expect(await mk.list()).toEqual([]);
  });

  it("deletes at the end of the block also when the instance was aborted within it", async () => {
    const controller = new AbortController();
    const reason = new Error("Ctrl-C");
    await using mk = openMk({}, { signal: controller.signal });
    const block = async (): Promise<void> => {
      await using machine = await mk.start({ onDispose: "delete" });
      void machine;
      controller.abort(reason);
      throw reason;
    };
    await expect(block()).rejects.toBe(reason);
    await using after = openMk();
    expect(await after.list()).toEqual([]);
  });

  it("writes everything of a machine for its owner alone", async () => {
    await using mk = openMk();
    const machine = await mk.start({ options: { token: "hunter2-hunter2" } });
    await machine.docker();
    const directory = home.join("machines", "mk");
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(`${directory}/config.json`)).mode & 0o777).toBe(0o600);
    expect((await stat(`${directory}/certs/key.pem`)).mode & 0o777).toBe(0o600);
  });
});

describe("names", () => {
  it.each([
    "..",
    ".",
    "",
    "-x",
    "x-",
    "a/b",
    "a\0b",
    "A",
    "con",
    "nul",
    "localhost",
    "a".repeat(51),
    "%2e",
    "a\n",
    "$(id)",
    "`id`",
    "😀",
    "e\u0301",
    "__proto__",
    "a.",
    "a ",
    "xn--80ak6aa92e",
  ])("refuses %j everywhere with a name that would do", async (name) => {
    await using mk = openMk();
    for (const attempt of [() => mk.start({ name }), () => mk.machine(name), () => mk.plan({ name })]) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "INVALID_NAME" });
      const { suggestion } = (error as { details: { suggestion: string } }).details;
      await expect(mk.machine(suggestion)).rejects.toMatchObject({ code: "MACHINE_ABSENT" });
    }
    expect(await readdir(home.path).catch(() => [])).toEqual([]);
  });
});

describe("failures", () => {
  it("leaves the machine absent when create fails", async () => {
    await using mk = openMk(changed(() => ({ create: () => Promise.reject(new Error("boom")) })));
    await expect(mk.start()).rejects.toMatchObject({ code: "DRIVER_FAILED", cause: { message: "boom" } });
    expect(await mk.list()).toEqual([]);
    expect(await readdir(home.join("machines"))).toEqual([]);
  });

  it("leaves the machine stopped when its guest fails, with what the guest said", async () => {
    await using mk = openMk();
    const error = await mk.start({ driver: "process", options: { boot: "fails" } }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "GUEST_FAILED",
      message: "the guest could not start dockerd: no space left",
      details: { service: "dockerd", console: expect.arrayContaining([expect.stringContaining("failed uptime=0.30")]) },
    });
    const machine = await mk.machine("mk");
    expect(await machine.status()).toEqual({ state: "stopped" });
  });

  it("says that a machine died while it was waited for", async () => {
    await using mk = openMk();
    await expect(mk.start({ driver: "process", options: { boot: "dies" } })).rejects.toMatchObject({
      code: "GUEST_FAILED",
      message: expect.stringMatching(/^the machine is stopped and was not ready yet; the last it wrote is ".+"$/),
      details: { state: "stopped" },
    });
  });

  it("ends a start by its timeout and names the step", async () => {
    await using mk = openMk();
    await expect(mk.start({ driver: "process", options: { boot: "silent" }, timeoutMs: 6_000 })).rejects.toMatchObject({
      code: "TIMED_OUT",
      details: { step: "waiting for SSH", console: [] },
    });
    expect(await (await mk.machine("mk")).status()).toEqual({ state: "stopped" });
  });

  it("cancels a start by its signal, rolls back, and starts when asked again", async () => {
    await using mk = openMk();
    const controller = new AbortController();
    const started = mk.start({ driver: "process", options: { boot: "silent" }, signal: controller.signal });
    await until("it waits for SSH", () => seen().includes("step.started:start.ssh"));
    controller.abort();
    await expect(started).rejects.toMatchObject({ code: "CANCELLED" });
    expect(seen()).toContain("undo.finished");
    await using machine = await mk.start({ options: { boot: "ready" } });
    expect(await machine.status()).toEqual({ state: "running" });
  });

  it("tells what failed, not that it was cancelled while that was rolled back", async () => {
    const controller = new AbortController();
    await using mk = openMk(
      changed((machine) => ({
        start: async (op) => {
          await machine.start(op);
          throw new MkError("PORT_IN_USE", "port 2376 is taken");
        },
        kill: async (op) => {
          controller.abort();
          await machine.kill(op);
        },
      })),
    );
    await expect(mk.start({ driver: "process", signal: controller.signal })).rejects.toMatchObject({
      code: "PORT_IN_USE",
    });
    expect(controller.signal.aborted).toBe(true);
  });

  it("says of a machine that it forgets what its driver said", async () => {
    await using mk = openMk();
    await (await mk.start()).stop();
    await using failing = openMk(changed(() => ({ remove: () => Promise.reject(new Error("no answer")) })));
    await (await failing.machine("mk")).delete({ forget: true });
    expect(events.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({
        type: "note",
        message: "the driver did not remove the machine; what it made may still be there",
        fields: { reason: expect.stringContaining("no answer") },
      }),
    );
  });

  it("starts a machine anew whose guest was told to shut down by a stop that was cancelled", async () => {
    await using mk = openMk();
    const machine = await mk.start({ driver: "process", options: { boot: "shuts-down-slowly" } });
    const cancelling = openCancelling("step.started:stop.wait");
    await using same = await cancelling.mk.machine("mk");
    await expect(same.stop({ signal: cancelling.signal })).rejects.toMatchObject({ code: "CANCELLED" });
    events = [];
    await mk.start();
    expect(seen()).toContain("step.finished:start.driver");
    expect(await machine.status()).toEqual({ state: "running" });
    expect(await readdir(home.join("machines", "mk"))).not.toContain("intent.json");
  });

  it("leaves a machine running whose guest did not obey a stop that was cancelled", async () => {
    await using mk = openMk();
    const machine = await mk.start({ driver: "process", options: { boot: "ignores-shutdown" } });
    const cancelling = openCancelling("step.started:stop.wait");
    await using same = await cancelling.mk.machine("mk");
    await expect(same.stop({ signal: cancelling.signal })).rejects.toMatchObject({ code: "CANCELLED" });
    events = [];
    await mk.start();
    expect(seen()).not.toContain("step.started:start.driver");
    expect(await machine.status()).toEqual({ state: "running" });
    expect(await readdir(home.join("machines", "mk"))).not.toContain("intent.json");
  });

  it("cuts the power when the guest does not shut down", async () => {
    await using mk = openMk(changed(() => ({ stop: () => Promise.reject(new Error("no answer")) })));
    const machine = await mk.start();
    await machine.stop();
    expect(seen()).toContain("step.finished:stop.kill");
    expect(await machine.status()).toEqual({ state: "stopped" });
  });

  it("keeps a machine whose deletion failed before anything was removed", async () => {
    let isDenied = false;
    await using mk = openMk(
      changed((machine) => ({
        inspect: async (op) => {
          if (isDenied) throw new MkError("PERMISSION_DENIED", "no access to the socket");
          return await machine.inspect(op);
        },
      })),
    );
    const machine = await mk.start();
    const { id } = await machine.info();
    isDenied = true;
    await expect(machine.delete()).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    isDenied = false;
    await mk.start();
    expect(await machine.info()).toMatchObject({ id, status: { state: "running" } });
  });

  it("does not believe a driver that says it cut the power", async () => {
    await using mk = openMk(changed(() => ({ kill: async () => undefined })));
    const machine = await mk.start();
    await expect(machine.stop({ force: true })).rejects.toMatchObject({
      code: "DRIVER_FAILED",
      details: { state: "running" },
    });
    await using working = openMk();
    await (await working.machine("mk")).stop();
  });

  it("tells an unknown driver with the nearest known", async () => {
    await using mk = openMk();
    await expect(mk.start({ driver: "proces" })).rejects.toMatchObject({ code: "DRIVER_UNKNOWN" });
  });

  it.each([
    { allow: null },
    { allow: "Restart" },
    { arch: "x64" },
    { onDispose: "remove" },
    { cpus: 0 },
    { cpus: 1.5 },
    { memoryMiB: Number.NaN },
    { diskMiB: null },
    { diskMiB: "2048" },
  ])("refuses %j as a wrong argument, whatever would be done with it", async (wrong) => {
    await using mk = openMk();
    const machine = await mk.start({ diskMiB: 2048 });
    const info = await machine.info();
    const request = { diskMiB: 1024, ...wrong } as StartRequest;
    for (const attempt of [() => mk.start(request), () => machine.start(request), () => mk.plan(request)])
      await expect(attempt()).rejects.toBeInstanceOf(TypeError);
    expect(await machine.info()).toEqual(info);
  });

  it("passes on wrong arguments of code as they are", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    await expect(machine.exec([])).rejects.toBeInstanceOf(TypeError);
  });
});

describe("a driver that makes one machine at a time", () => {
  it("rolls a creation back before the next one may begin", async () => {
    let locks: readonly string[] = [];
    const failing = changed((machine) => ({
      create: () => Promise.reject(new Error("no")),
      remove: async (op) => {
        locks = await readdir(home.join("locks"));
        await machine.remove(op);
      },
    }));
    await using mk = openMk({ ...failing, parallel: false });
    await expect(mk.start()).rejects.toMatchObject({ code: "DRIVER_FAILED" });
    expect(locks).toContain("driver.process.lock");
    expect(await readdir(home.join("locks"))).toEqual([]);
  });

  it("does not let a creation's time limit run while it waits for another one", async () => {
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const waiting = changed((machine) => ({ create: (op) => gate.then(() => machine.create(op)) }));
    await using mk = openMk({ ...waiting, parallel: false });
    const first = mk.start({ name: "one" });
    await until("the first is being made", () => seen().includes("step.started:create.driver"));
    events = [];
    const second = mk.start({ name: "two" });
    await until("the second waits", () => seen().includes("note"));
    expect(events.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ message: `waiting for mk create one (pid ${process.pid})` }),
    );
    expect(seen()).not.toContain("operation.started");
    goOn();
    await Promise.all([first, second]);
    expect(await mk.list()).toMatchObject([{ name: "one" }, { name: "two" }]);
  });
});

describe("the handles of a driver", () => {
  it("are closed when a machine cannot be removed, whatever was to be done to it", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    let open = 0;
    const stuck = changed(() => {
      open++;
      return { remove: () => Promise.reject(new Error("no")), close: async () => void open-- };
    });
    await using failing = openMk(stuck);
    await expect(failing.start({ options: { size: "large" }, allow: "recreate" })).rejects.toThrow("no");
    expect(open).toBe(0);
    await expect((await failing.machine("mk")).delete()).rejects.toThrow("no");
    expect(open).toBe(0);
    // Which goes on with the deletion first.
    await expect((await failing.machine("mk")).stop()).rejects.toThrow("no");
    expect(open).toBe(0);
    await machine.delete();
  });
});

describe("drivers that hang", () => {
  it("reads unknown with the reason, and other machines stay readable", async () => {
    await using mk = openMk();
    await mk.start({ name: "good" });
    await using bad = openMk(
      { name: "hanging", change: (machine) => ({ ...machine, inspect: hangs }) },
      {
        drivers: [
          processDriver({ name: "hanging", change: (machine) => ({ ...machine, inspect: hangs }) }),
          processDriver(),
        ],
      },
    );
    await using creator = openMk({ name: "hanging" });
    await creator.start({ name: "hung", driver: "hanging" });
    const list = await bad.list();
    expect(list).toMatchObject([
      { name: "good", status: { state: "running" } },
      { name: "hung", status: { state: "unknown", reason: "driver hanging did not answer within 4 s" } },
    ]);
    await expect((await bad.machine("hung")).start()).rejects.toMatchObject({ code: "MACHINE_UNRESPONSIVE" });
    await (await creator.machine("hung")).delete();
  });

  it("reports what inspect throws as unknown", async () => {
    await using mk = openMk();
    await mk.start();
    await using failing = openMk(changed(() => ({ inspect: () => Promise.reject(new Error("no socket")) })));
    expect(await failing.list()).toMatchObject([
      { status: { state: "unknown", reason: "driver process failed: no socket" } },
    ]);
  });

  it.each([undefined, {}, { state: "toString" }])("reports %j, which is no state, as unknown", async (status) => {
    await using mk = openMk();
    await mk.start();
    await using failing = openMk(changed(() => ({ inspect: async () => status as never })));
    const reason = 'driver process answers with no state of machine "mk"';
    expect(await failing.list()).toMatchObject([{ status: { state: "unknown", reason } }]);
    await expect(failing.start()).rejects.toMatchObject({ code: "DRIVER_FAILED", message: reason });
  });
});

describe("automatic selection", () => {
  it("falls back to the next driver after rolling back", async () => {
    await using mk = openMk(undefined, {
      drivers: [
        processDriver({
          name: "better",
          priority: "preferred",
          change: (machine) => ({ ...machine, start: () => Promise.reject(new Error("no")) }),
        }),
        processDriver(),
      ],
    });
    const machine = await mk.start();
    expect(await machine.info()).toMatchObject({ driver: "process" });
    expect(events.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ type: "driver.selected", driver: "better", alternates: ["process"] }),
    );
    expect(events.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ type: "note", message: "driver better failed, trying process" }),
    );
  });

  it.each(["create", "start"] as const)(
    "does not fall back from a machine that is left of a failed %s, and removes that one first the next time",
    async (method) => {
      const no = () => Promise.reject(new Error("no"));
      let canRemove = false;
      const removed: string[] = [];
      const better = processDriver({
        name: "better",
        priority: "preferred",
        change: (machine, { id }) => ({
          ...machine,
          [method]: no,
          remove: async (op) => {
            if (!canRemove) await no();
            await machine.remove(op);
            removed.push(id);
          },
        }),
      });
      await using mk = openMk(undefined, { drivers: [better, processDriver()] });
      await expect(mk.start()).rejects.toMatchObject({ code: "DRIVER_FAILED" });
      const [left] = await mk.list();
      expect(left).toMatchObject({ driver: "better", status: { state: "broken" } });

      canRemove = true;
      expect(await (await mk.start()).info()).toMatchObject({ driver: "process" });
      expect(removed[0]).toBe(left?.id);
    },
  );

  it("tells why a machine did not start also when it cannot be deleted, and deletes it the next time", async () => {
    const no = (why: string) => () => Promise.reject(new MkError("DRIVER_FAILED", why));
    await using mk = openMk();
    await using failing = openMk(
      changed((machine) => ({
        start: (op) => machine.start(op).then(no("it does not start")),
        kill: no("it does not end"),
      })),
    );
    await expect(failing.start()).rejects.toThrow("it does not start");
    expect(events.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ type: "note", fields: { reason: "it does not end" } }),
    );
    const [left] = await mk.list();
    expect((await (await mk.start()).info()).id).not.toBe(left?.id);
  });

  it("blames no driver for an image that cannot be had", async () => {
    let asked = 0;
    const ensure = (): Promise<never> => {
      asked++;
      return Promise.reject(new MkError("DOWNLOAD_FAILED", "no network"));
    };
    const drivers = [processDriver({ name: "better", priority: "preferred" }), processDriver()];
    await using mk = openMk({}, { drivers, images: { ...fakeImages(), ensure } });
    await expect(mk.start()).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
    expect(asked).toBe(1);
    expect(seen()).not.toContain("note");
  });

  it("falls back from a driver that refuses what was asked for", async () => {
    const better = { ...processDriver({ name: "better", priority: "preferred" }), createConfig: refuses };
    await using mk = openMk({}, { drivers: [better, processDriver()] });
    expect(await (await mk.start()).info()).toMatchObject({ driver: "process" });
  });

  it("never falls back from a driver that was named", async () => {
    await using mk = openMk(undefined, {
      drivers: [
        processDriver({
          name: "better",
          change: (machine) => ({ ...machine, create: () => Promise.reject(new Error("no")) }),
        }),
        processDriver(),
      ],
    });
    await expect(mk.start({ driver: "better" })).rejects.toMatchObject({ code: "DRIVER_FAILED" });
    expect(await mk.list()).toEqual([]);
  });
});

describe("a driver that was named", () => {
  const missing = {
    status: "missing",
    code: "tool-not-found",
    reason: "tool was not found",
    fix: "Install it.",
  } as const;
  const noImage = { ...fakeImages(), ensure: () => Promise.reject(new Error("an image was built")) };

  it("is asked before an image is made, and leaves nothing behind when it cannot work here", async () => {
    await using mk = openMk({ status: async () => missing }, { images: noImage });
    await expect(mk.start({ driver: "process" })).rejects.toMatchObject({
      code: "DRIVER_UNAVAILABLE",
      message: "driver process cannot work here: tool was not found",
      hint: "Install it.",
    });
    expect(await mk.list()).toEqual([]);
    expect(await readdir(home.join("machines"))).toEqual([]);
  });

  it("refuses what it cannot give a machine before an image is made", async () => {
    await using mk = openMk({}, { drivers: [{ ...processDriver(), createConfig: refuses }], images: noImage });
    await expect(mk.start({ driver: "process" })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
  });

  it("makes no machine of an image for another architecture", async () => {
    const imageDigest = `sha256:${"f".repeat(64)}`;
    await using mk = openMk({}, { images: fakeImages(imageDigest, "arm64") });
    await expect(mk.start({ driver: "process", arch: "amd64", imageDigest })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(await mk.list()).toEqual([]);
  });

  it("says that mk can install what it lacks", async () => {
    await using mk = openMk({ status: async () => ({ ...missing, packages: { apt: ["tool"] } }) });
    await expect(mk.start({ driver: "process" })).rejects.toMatchObject({
      hint: "Install it. Or let mk install it: mk doctor process --fix",
    });
  });

  it("answers for the machine that is wanted", async () => {
    const asked: unknown[] = [];
    const status: Driver["status"] = async (_host, _signal, machine) => {
      asked.push(machine);
      return missing;
    };
    await using mk = openMk({ status });
    const request = { driver: "process", arch: "arm64", options: { label: "x" } } as const;
    await expect(mk.start(request)).rejects.toMatchObject({ code: "DRIVER_UNAVAILABLE" });
    expect(asked).toEqual([{ arch: "arm64", options: { boot: "ready", label: "x" } }]);
  });

  it("is asked once while it is ready, and again after it was not", async () => {
    const answers: DriverStatus[] = [missing, { status: "ready" }];
    await using mk = openMk({ status: async () => answers.shift() ?? Promise.reject(new Error("asked again")) });
    await expect(mk.start({ driver: "process" })).rejects.toMatchObject({ code: "DRIVER_UNAVAILABLE" });
    expect(await mk.probe()).toMatchObject([{ status: { status: "ready" } }]);
    await (await mk.start({ driver: "process" })).delete();
    await mk.start({ driver: "process" });
  });

  it("is asked before the machine there was is removed", async () => {
    await using mk = openMk();
    const { id } = await (await mk.start()).info();
    await using broken = openMk({ status: async () => missing });
    await expect(broken.start({ options: { size: "large" }, allow: "recreate" })).rejects.toMatchObject({
      code: "DRIVER_UNAVAILABLE",
    });
    expect(await (await mk.machine("mk")).info()).toMatchObject({ id, status: { state: "running" } });
  });
});

describe("settings of an existing machine", () => {
  it("plans what each change costs", async () => {
    await using mk = openMk();
    const machine = await mk.start({ cpus: 2, diskMiB: 2048 });
    const request = { cpus: 4, diskMiB: 1024, options: { label: "x", size: "large", token: "abcdef" } };
    expect(await mk.plan(request)).toEqual([
      { setting: "cpus", from: 2, to: 4, cost: "restart" },
      { setting: "diskMiB", from: 2048, to: 1024, cost: "data-loss" },
      { setting: "process.label", from: undefined, to: "x", cost: "live" },
      { setting: "process.size", from: undefined, to: "large", cost: "recreate" },
      { setting: "process.token", from: "[secret]", to: "[secret]", cost: "live" },
    ]);
    await machine.stop();
    expect(await mk.plan({ cpus: 4 })).toEqual([{ setting: "cpus", from: 2, to: 4, cost: "live" }]);
    expect(await mk.plan({ cpus: 2 })).toEqual([]);
  });

  it("refuses what costs more than is allowed, naming each change and the flag", async () => {
    await using mk = openMk();
    const machine = await mk.start({ cpus: 2 });
    const { id } = await machine.info();
    const error = await mk.start({ cpus: 4, options: { size: "large" } }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "MACHINE_SETTINGS" });
    expect((error as Error).message).toContain("cpus: 2 -> 4: needs a restart (--allow=restart)");
    expect((error as Error).message).toContain(
      "process.size: none -> large: needs a new machine, whose disk is empty (--allow=recreate)",
    );
    expect(await machine.info()).toMatchObject({ id, status: { state: "running" }, spec: { cpus: 2 } });
  });

  it("restarts for what a restart can change and keeps the data", async () => {
    await using mk = openMk();
    const machine = await mk.start({ cpus: 2 });
    const { id } = await machine.info();
    await mk.start({ cpus: 4, allow: "restart" });
    expect(await machine.info()).toMatchObject({ id, status: { state: "running" }, spec: { cpus: 4 } });
    expect(seen()).toContain("step.finished:reconfigure.driver");
    expect(await mk.plan({ cpus: 4 })).toEqual([]);
  });

  it("brings a saved machine back, and stops it for what needs a restart", async () => {
    let saved = false;
    const calls: string[] = [];
    await using mk = openMk(
      changed((machine) => ({
        inspect: async (op) => (saved ? { state: "saved" } : await machine.inspect(op)),
        start: async (op) => {
          calls.push(saved ? "restore" : "start");
          saved = false;
          await machine.start(op);
        },
        stop: async (op) => {
          calls.push("stop");
          await machine.stop(op);
        },
        reconfigure: async () => void calls.push("reconfigure"),
      })),
    );
    const machine = await mk.start({ cpus: 2 });
    const save = async (): Promise<void> => {
      await machine.stop();
      saved = true;
      calls.length = 0;
    };
    await save();
    expect(await mk.plan({ cpus: 4 })).toMatchObject([{ setting: "cpus", cost: "restart" }]);
    await expect(mk.start({ cpus: 4 })).rejects.toMatchObject({ code: "MACHINE_SETTINGS" });
    await mk.start({ cpus: 4, allow: "restart" });
    expect(calls).toEqual(["restore", "stop", "reconfigure", "start"]);
    await save();
    await mk.start({ options: { label: "x" } });
    expect(calls).toEqual(["restore", "reconfigure"]);
    expect(await machine.info()).toMatchObject({ status: { state: "running" }, spec: { cpus: 4 } });
  });

  it("lets the machine run on when it cannot have what was asked for", async () => {
    await using mk = openMk();
    const machine = await mk.start({ cpus: 2, arch: "amd64" });
    const { id, spec } = await machine.info();
    await using refusing = openMk({}, { drivers: [{ ...processDriver(), createConfig: refuses }] });
    await expect(refusing.start({ cpus: 4, allow: "restart" })).rejects.toMatchObject({ code: "NOT_SUPPORTED" });
    const corrupt = (): never => {
      throw new MkError("CONFIG_CORRUPT", "there is no usable port", { hint: "Delete the machine." });
    };
    const parseConfig = (raw: unknown) => ((raw as { readonly cpus: number }).cpus === 4 ? corrupt() : raw);
    await using parsing = openMk({}, { drivers: [{ ...processDriver(), parseConfig }] });
    await expect(parsing.start({ cpus: 4, allow: "restart" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "driver process takes no such settings: there is no usable port",
      hint: undefined,
    });
    const imageDigest = `sha256:${"f".repeat(64)}`;
    await expect(mk.start({ imageDigest, allow: "restart" })).rejects.toMatchObject({ code: "IMAGE_ABSENT" });
    await using other = openMk({}, { images: fakeImages(imageDigest, "arm64") });
    await expect(other.start({ imageDigest, allow: "restart" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: `guest image ${imageDigest} is for arm64, the machine is amd64`,
    });
    expect(await machine.info()).toMatchObject({ id, spec, status: { state: "running" } });
    expect(seen()).not.toContain("step.started:stop.inspect");
  });

  it("leaves a machine usable, with a warning, when its driver can change nothing", async () => {
    await using mk = openMk();
    const machine = await mk.start({ cpus: 2 });
    await using failing = openMk(changed(() => ({ reconfigure: () => Promise.reject(new Error("no")) })));
    const warnings = () => events.filter(({ data }) => data.type === "note" && data.message.startsWith("settings of"));
    const same = await failing.machine("mk");
    for (const next of [() => same.stop({ force: true }), () => failing.start()]) {
      events = [];
      await expect(failing.start({ cpus: 4, allow: "restart" })).rejects.toMatchObject({ code: "DRIVER_FAILED" });
      expect(warnings()).toHaveLength(0);
      await next();
      expect(warnings()).toHaveLength(1);
    }
    expect(await machine.info()).toMatchObject({ status: { state: "running" }, spec: { cpus: 2 } });
  });

  it("restores the settings of an interrupted change once its driver can be asked again", async () => {
    await using mk = openMk();
    const machine = await mk.start({ cpus: 2 });
    const calls: string[] = [];
    let isDown = true;
    await using failing = openMk(
      changed(() => ({
        async reconfigure() {
          if (isDown) throw new MkError("DRIVER_UNAVAILABLE", "it is down");
          calls.push("reconfigure");
        },
      })),
    );
    await expect(failing.start({ cpus: 4, allow: "restart" })).rejects.toMatchObject({ code: "DRIVER_UNAVAILABLE" });
    await expect(failing.start()).rejects.toMatchObject({ code: "DRIVER_UNAVAILABLE" });
    isDown = false;
    await failing.start();
    expect(calls).toEqual(["reconfigure"]);
    expect(await machine.info()).toMatchObject({ status: { state: "running" }, spec: { cpus: 2 } });
  });

  it("makes a new machine with the other settings kept, when that was allowed", async () => {
    await using mk = openMk();
    const machine = await mk.start({ cpus: 3, options: { label: "kept" } });
    const { id } = await machine.info();
    await mk.start({ options: { size: "large" }, allow: "recreate" });
    const info = await machine.info();
    expect(info.id).not.toBe(id);
    expect(info).toMatchObject({ status: { state: "running" }, spec: { cpus: 3 } });
    expect(await mk.plan({ options: { size: "large", label: "kept" } })).toEqual([]);
  });

  it("leaves the machine as it is when the new one cannot be made of what was asked for", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    const { id } = await machine.info();
    await using bare = openMk({}, { images: { ...fakeImages(), find: async () => undefined } });
    const request = { options: { size: "large" }, imageDigest: `sha256:${"f".repeat(64)}`, allow: "recreate" } as const;
    await expect(bare.start(request)).rejects.toMatchObject({ code: "IMAGE_ABSENT" });
    expect(await machine.info()).toMatchObject({ id, status: { state: "running" } });
  });

  it.each<[title: string, kill: (machine: Machine, cancel: () => void) => Machine["kill"]]>([
    [
      "it was cancelled before its power was cut",
      (machine, cancel) => async (op) => {
        cancel();
        await machine.kill(op);
      },
    ],
    ["it was cancelled after its power was cut", (machine, cancel) => (op) => machine.kill(op).then(cancel)],
    ["its power could not be cut", () => () => Promise.reject(new Error("no"))],
  ])("keeps the machine it was to make anew when %s", async (_title, kill) => {
    await using mk = openMk();
    const machine = await mk.start();
    const { id } = await machine.info();
    const controller = new AbortController();
    await using failing = openMk(changed((each) => ({ kill: kill(each, () => controller.abort()) })));
    const request = { options: { size: "large" }, allow: "recreate", signal: controller.signal } as const;
    await expect(failing.start(request)).rejects.toThrow();
    await machine.stop();
    await mk.start();
    expect(await machine.info()).toMatchObject({ id, status: { state: "running" } });
  });

  it("keeps the machine it was to make anew when it was cancelled before anything was removed", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    const { id } = await machine.info();
    const cancelling = openCancelling("step.finished:create.intent");
    const request = { options: { size: "large" }, allow: "recreate", signal: cancelling.signal } as const;
    await expect(cancelling.mk.start(request)).rejects.toMatchObject({ code: "CANCELLED" });
    await mk.start();
    expect(await machine.info()).toMatchObject({ id, status: { state: "running" } });
  });

  it("goes on with what was wanted when making it anew failed", async () => {
    await using mk = openMk();
    const machine = await mk.start({ cpus: 3, options: { label: "kept" } });
    const { id } = await machine.info();
    await using failing = openMk(changed(() => ({ create: () => Promise.reject(new Error("no")) })));
    const request = { memoryMiB: 512, options: { size: "large" }, allow: "recreate" } as const;
    await expect(failing.start(request)).rejects.toMatchObject({ code: "DRIVER_FAILED" });

    expect(await machine.status()).toMatchObject({ state: "broken", reason: expect.stringContaining("mk start") });
    await expect(machine.stop()).rejects.toMatchObject({ code: "MACHINE_BROKEN" });
    await mk.start();
    const info = await machine.info();
    expect(info).toMatchObject({ status: { state: "running" }, spec: { cpus: 3, memoryMiB: 512 } });
    expect(info.id).not.toBe(id);
    expect(await mk.plan({ options: { size: "large", label: "kept" } })).toEqual([]);
    expect(await readdir(home.join("machines", "mk"))).not.toContain("intent.json");
  });

  it("deletes a machine that was being made anew", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    await using failing = openMk(changed(() => ({ remove: () => Promise.reject(new Error("no")) })));
    await expect(failing.start({ options: { size: "large" }, allow: "recreate" })).rejects.toThrow("no");
    await machine.delete();
    expect(await readdir(home.join("machines"))).toEqual([]);
  });

  it("still goes on with making it anew when its deletion was cancelled", async () => {
    await using mk = openMk();
    const machine = await mk.start({ cpus: 3 });
    await using failing = openMk(changed(() => ({ create: () => Promise.reject(new Error("no")) })));
    await expect(failing.start({ options: { size: "large" }, allow: "recreate" })).rejects.toThrow("no");
    const cancelling = openCancelling("step.finished:delete.intent");
    await using same = await cancelling.mk.machine("mk");
    await expect(same.delete({ signal: cancelling.signal })).rejects.toMatchObject({ code: "CANCELLED" });
    await mk.start();
    expect(await machine.info()).toMatchObject({ status: { state: "running" }, spec: { cpus: 3 } });
    expect(await mk.plan({ options: { size: "large" } })).toEqual([]);
  });

  it("says that another driver means another machine", async () => {
    await using mk = openMk(undefined, { drivers: [processDriver(), processDriver({ name: "other" })] });
    await mk.start({ driver: "process" });
    await expect(mk.start({ driver: "other" })).rejects.toMatchObject({ code: "MACHINE_SETTINGS" });
  });
});

describe("what was damaged or removed behind mk's back", () => {
  it("recovers a damaged config from its last good copy and sets the damaged one aside", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    await writeFile(home.join("machines", "mk", "config.json"), "{");
    expect(await mk.list()).toMatchObject([{ status: { state: "running" }, problem: { code: "CONFIG_CORRUPT" } }]);
    await machine.stop();
    expect(await mk.list()).toMatchObject([{ status: { state: "stopped" } }]);
    expect((await mk.list())[0]).not.toHaveProperty("problem");
    expect(await readdir(home.join("machines", "mk"))).toContainEqual(
      expect.stringMatching(/^config\.json\.corrupt-\d+$/),
    );
  });

  it("lists a machine whose config is lost, and forgets it when told to", async () => {
    await using mk = openMk();
    await mkdir(home.join("machines", "lost"), { recursive: true });
    await writeFile(home.join("machines", "lost", "config.json"), "\0\0\0");
    await mk.start({ name: "fine" });
    expect(await mk.list()).toMatchObject([
      { name: "fine", status: { state: "running" } },
      { name: "lost", status: { state: "broken" }, problem: { code: "CONFIG_CORRUPT" } },
    ]);
    const lost = await mk.machine("lost");
    await expect(lost.delete()).rejects.toMatchObject({ code: "CONFIG_CORRUPT" });
    await lost.delete({ forget: true });
    expect(await mk.list()).toMatchObject([{ name: "fine" }]);
  });

  it("starts and deletes machines though another's lock can be neither read nor removed", async () => {
    await using mk = openMk();
    await mkdir(home.join("locks", "other.lock"), { recursive: true });
    const machine = await mk.start();
    await machine.delete();
    expect(await mk.list()).toEqual([]);
  });

  it("leaves the state of a newer mk as it is", async () => {
    await using mk = openMk();
    await mk.start();
    const path = home.join("machines", "mk", "config.json");
    const newer = (await readFile(path, "utf8")).replace('"schemaVersion": 1', '"schemaVersion": 2');
    await writeFile(path, newer);
    await writeFile(`${path}.last`, newer);
    await expect(mk.start()).rejects.toMatchObject({ code: "STATE_TOO_NEW" });
    await expect((await mk.machine("mk")).delete()).rejects.toMatchObject({ code: "STATE_TOO_NEW" });
    expect(await readFile(path, "utf8")).toBe(newer);
    await writeFile(path, newer.replace('"schemaVersion": 2', '"schemaVersion": 1'));
  });

  it("lists a machine whose driver is gone, with the way to bring it back", async () => {
    await using mk = openMk({ name: "gone" });
    await mk.start();
    await using without = openMk();
    expect(await without.list()).toMatchObject([
      {
        driver: "gone",
        status: { state: "unknown" },
        problem: { code: "DRIVER_MISSING", hint: expect.stringContaining("--forget") },
      },
    ]);
    await expect((await without.machine("mk")).stop()).rejects.toMatchObject({ code: "DRIVER_UNKNOWN" });
    await (await mk.machine("mk")).delete();
  });

  it("tells a machine that was removed, deletes what is left, and makes it anew when allowed", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    await machine.stop();
    await rm(home.join("machines", "mk", "disk.raw"));
    expect(await machine.status()).toEqual({ state: "absent" });
    await expect(mk.start()).rejects.toMatchObject({ code: "MACHINE_ABSENT" });
    await mk.start({ allow: "recreate" });
    expect(await machine.status()).toEqual({ state: "running" });
  });
});

describe("events", () => {
  it("end with the abort of mk for who reads them within the block that deletes the machine", async () => {
    const controller = new AbortController();
    await using mk = openMk({}, { signal: controller.signal });
    {
      await using machine = await mk.start({ onDispose: "delete" });
      for await (const { data } of machine.events()) {
        if (data.type === "operation.finished" && data.operation === "start") controller.abort();
      }
    }
    await using after = openMk();
    expect(await after.list()).toEqual([]);
  });

  it("tell what the abort of mk rolled back before they end", async () => {
    const controller = new AbortController();
    await using mk = openMk({}, { signal: controller.signal });
    const started = mk.start({ driver: "process", options: { boot: "silent" } }).catch((error: unknown) => error);
    const types: string[] = [];
    for await (const { data } of mk.events()) {
      types.push(data.type);
      if (data.type === "step.started" && data.step === "ssh") controller.abort();
    }
    expect(types.slice(-2)).toEqual(["undo.finished", "operation.failed"]);
    expect(await started).toMatchObject({ code: "CANCELLED" });
  });

  it("of the stop that ends the block reach a reader that was busy meanwhile", async () => {
    await using mk = openMk();
    const types: string[] = [];
    let reading = Promise.resolve();
    let goOn = (): void => undefined;
    const isFree = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    {
      await using machine = await mk.start({ onDispose: "stop" });
      reading = (async () => {
        for await (const { data } of machine.events()) {
          types.push("operation" in data ? `${data.type}:${data.operation}` : data.type);
          await isFree;
        }
      })();
    }
    goOn();
    await reading;
    expect(types.at(-1)).toBe("operation.finished:stop");
    expect(types).toHaveLength(events.length);
  });

  it("replays a machine's events from the first and ends when the handle is disposed", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    const types: string[] = [];
    const reading = (async () => {
      for await (const event of machine.events()) types.push(event.type);
    })();
    await until("the start has ended", () => types.includes("dev.mk.operation.finished.v1"));
    await machine[Symbol.asyncDispose]();
    await reading;
    expect(types[0]).toBe("dev.mk.driver.selected.v1");
    expect(types).toContain("dev.mk.guest.marker.v1");
    expect(machine.timings.map(({ step }) => step)).toEqual(expect.arrayContaining(["driver", "ssh", "ready"]));
  });

  it("never shows a secret", async () => {
    const secret = "correct-horse-battery";
    await using mk = openMk(
      changed((machine) => ({
        start: (op) =>
          op
            .step("leak", `using ${secret}`, () => Promise.reject(new Error(`refused ${secret}`)))
            .then(() => machine.start(op)),
      })),
    );
    const error = await mk.start({ driver: "process", options: { token: secret } }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "DRIVER_FAILED" });
    expect(JSON.stringify([events, error, String(error), (error as Error).stack, await mk.list()])).not.toContain(
      secret,
    );
  });

  it("never shows a secret that a machine was to get", async () => {
    const token = "correct-horse-battery";
    await using mk = openMk();
    await mk.start();
    const leak = (): never => {
      throw new Error(`refused ${token}`);
    };
    for (const driver of [
      processDriver(changed(() => ({ reconfigure: async () => leak() }))),
      { ...processDriver(), createConfig: leak },
    ]) {
      await using leaking = openMk({}, { drivers: [driver] });
      const error = await leaking.start({ options: { token } }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "DRIVER_FAILED", message: expect.stringContaining("refused [secret]") });
      expect(JSON.stringify([events, error])).not.toContain(token);
    }
  });
});
