import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createMk,
  createNodeHost,
  type Driver,
  type DriverTraits,
  defineDriver,
  type GuestImage,
  type ImageSource,
  type Machine,
  type MachineState,
  MkError,
} from "@mk/core";
import { expect, test, vi } from "vitest";

// The other side of the contract: what a driver may rely on core for. Each was a fault of core's once, or is one still.

const IMAGE = { digest: `sha256:${"0".repeat(64)}` } as GuestImage;
const IMAGES: ImageSource = { find: async () => IMAGE, ensure: async () => IMAGE };
const VM: DriverTraits = { isolation: "vm", parallel: true, privileged: false, image: "vm" };

interface Seen {
  state: MachineState;
  readonly calls: string[];
}

/** A driver whose machines are this computer, with parts replaced. */
function driverWith(
  change: (seen: Seen) => Partial<Machine>,
  definition: Partial<Parameters<typeof defineDriver>[0]> = {},
) {
  const seen: Seen = { state: "absent", calls: [] };
  const become = (name: string, next: MachineState) => async () => {
    seen.calls.push(name);
    seen.state = next;
  };
  const driver: Driver = defineDriver({
    name: "stub",
    summary: "stands in for a driver",
    priority: "default",
    traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
    options: {},
    status: async () => ({ status: "ready" }),
    createConfig: () => ({ version: 1 }),
    parseConfig: () => ({ version: 1 }),
    createDriver: () => ({
      inspect: async () => ({ state: seen.state, reason: "x" }) as never,
      create: become("create", "stopped"),
      start: become("start", "running"),
      stop: become("stop", "stopped"),
      kill: become("kill", "stopped"),
      remove: become("remove", "absent"),
      access: async () => ({ via: "exec", argv: ["env"] }),
      endpoint: async (port) => ({ host: "127.0.0.1", port }),
      ...change(seen),
    }),
    ...definition,
  });
  return { driver, seen };
}

async function withMk<T>(driver: Driver, work: (mk: ReturnType<typeof createMk>) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "mk-core-side-"));
  try {
    await using mk = createMk({ home, drivers: [driver] });
    return await work(mk);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

// Known: a driver that is slow for 4 s on a busy host costs a guest its power, without a chance to write its caches.
test.fails("stop without force does not cut the power of a machine whose hypervisor does not answer", async () => {
  const { driver, seen } = driverWith(() => ({}));
  await withMk(driver, async (mk) => {
    await using machine = await mk.start({ name: "m" });
    seen.state = "unknown";
    await expect(machine.stop()).rejects.toMatchObject({ code: "MACHINE_UNRESPONSIVE" });
    expect(seen.calls).not.toContain("kill");
    seen.state = "running";
  });
});

test("a driver's own reason and hint reach the user when the first inspection of a create fails", async () => {
  const { driver } = driverWith(() => ({
    inspect: async () => {
      throw new MkError("DRIVER_UNAVAILABLE", "the engine does not run", { hint: "Start the engine." });
    },
  }));
  await withMk(driver, async (mk) => {
    await expect(mk.start({ name: "m" })).rejects.toMatchObject({
      code: "DRIVER_UNAVAILABLE",
      hint: "Start the engine.",
    });
  });
});

test("the handle of a create that failed is closed", async () => {
  let closed = 0;
  const { driver } = driverWith(() => ({
    create: async () => {
      throw new MkError("DRIVER_FAILED", "no", { hint: "No." });
    },
    close: async () => {
      closed += 1;
    },
  }));
  await withMk(driver, async (mk) => {
    await expect(mk.start({ name: "m" })).rejects.toMatchObject({ code: "DRIVER_FAILED" });
    expect(closed).toBe(1);
  });
});

test("a driver that fails with a TypeError on its config gives an MkError", async () => {
  let broken = false;
  const { driver } = driverWith(() => ({}), {
    parseConfig: () => {
      if (broken) throw new TypeError("Cannot read properties of undefined");
      return { version: 1 };
    },
  });
  await withMk(driver, async (mk) => {
    await using machine = await mk.start({ name: "m" });
    broken = true;
    const error = await machine.stop().catch((cause: unknown) => cause);
    broken = false;
    expect(MkError.is(error), String(error)).toBe(true);
  });
});

// Known: a console may be a ring (HyperKit keeps 64 KiB), a log may be truncated, and the guest says "ready" once.
test.fails("starting a machine that runs does not wait for a marker that its console has lost", async () => {
  const { driver, seen } = driverWith(
    () => ({
      console: {
        async *read(signal) {
          yield Buffer.from("[ 99.1] some later line\n");
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        },
      },
    }),
    { traits: VM },
  );
  const home = await mkdtemp(join(tmpdir(), "mk-core-side-"));
  try {
    await using mk = createMk({
      home,
      drivers: [driver],
      images: IMAGES,
    });
    const started = mk.start({ name: "m", timeoutMs: 1500 });
    await started.catch(() => {});
    seen.state = "running";
    await using machine = await mk.machine("m");
    await machine.start({ timeoutMs: 4000 });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

test("an ability that is refused says what to do instead", async () => {
  const { driver } = driverWith(() => ({}));
  await withMk(driver, async (mk) => {
    await using machine = await mk.start({ name: "m" });
    await expect(machine.pause()).rejects.toMatchObject({ code: "NOT_SUPPORTED", hint: expect.any(String) });
  });
});

test("a daemon that is a script which executes another program can be known again by its start time", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mk-core-side-"));
  const host = createNodeHost({ home: directory });
  const script = join(directory, "wrapper");
  const executed = join(directory, "executed");
  await writeFile(script, `#!/bin/sh\nexec sh -c 'echo here > "$0"; exec sleep 60' "${executed}"\n`);
  await chmod(script, 0o755);
  const child = await host.processes.spawnDaemon(script, []);
  try {
    for await (const _ of host.files.follow(executed, { signal: AbortSignal.timeout(20_000) })) break;
    const now = await host.processes.identify(child.identity.pid);
    expect(now).toMatchObject({ startTime: child.identity.startTime, bootId: child.identity.bootId });
  } finally {
    process.kill(child.identity.pid, "SIGKILL");
    await rm(directory, { recursive: true, force: true });
  }
});

test("a guest that reboots for ever does not keep start waiting for ever", async () => {
  let watched: AbortSignal | undefined;
  const { driver } = driverWith(
    () => ({
      console: {
        async *read(signal) {
          watched = signal;
          // From here on: what comes before waits for real files.
          vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
          while (!signal.aborted) {
            yield Buffer.from("mk-guest: init uptime=0.1\n");
            await new Promise<void>((resolve) => {
              setTimeout(resolve, 60_000);
              signal.addEventListener("abort", () => resolve(), { once: true });
            });
          }
        },
      },
    }),
    { traits: VM },
  );
  const home = await mkdtemp(join(tmpdir(), "mk-core-side-"));
  try {
    await using mk = createMk({ home, drivers: [driver], images: IMAGES });
    const starting = mk.start({ name: "m" }).catch((error: unknown) => error);
    while (watched === undefined) await new Promise((resolve) => setImmediate(resolve));
    for (let minute = 0; minute < 60 && !watched.aborted; minute++) await vi.advanceTimersByTimeAsync(60_000);
    vi.useRealTimers();
    expect(watched.aborted).toBe(true);
    expect(await starting).toMatchObject({ code: "TIMED_OUT" });
  } finally {
    vi.useRealTimers();
    await rm(home, { recursive: true, force: true });
  }
});
