import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createMk,
  createNodeHost,
  type Driver,
  type DriverTraits,
  type GuestImage,
  type ImageSource,
  type MachineHandle,
  type MachineStatus,
  MkError,
  type MkEvent,
} from "@mk/core";
import { describe, expect, test, vi } from "vitest";
import { stubDriver } from "../src/stub-driver.js";

// The other side of the contract: what a driver may rely on core for. Each was a fault of core's once, or is one still.

const IMAGE = { digest: `sha256:${"0".repeat(64)}` } as GuestImage;
const IMAGES: ImageSource = { find: async () => IMAGE, ensure: async () => IMAGE };
const VM: DriverTraits = { isolation: "vm", parallel: true, privileged: false, image: "vm" };

async function withMk<T>(driver: Driver, work: (mk: ReturnType<typeof createMk>) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "mk-core-side-"));
  try {
    await using mk = createMk({ home, drivers: [driver] });
    return await work(mk);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

test("stop without force does not cut the power of a machine whose hypervisor does not answer", async () => {
  const { driver, seen } = stubDriver();
  await withMk(driver, async (mk) => {
    await using machine = await mk.start({ name: "m" });
    seen.state = "unknown";
    await expect(machine.stop()).rejects.toMatchObject({ code: "MACHINE_UNRESPONSIVE" });
    await expect(machine.restart()).rejects.toMatchObject({ code: "MACHINE_UNRESPONSIVE" });
    expect(seen.calls).toEqual(["create", "start"]);
    await machine.stop({ force: true });
    expect(seen.calls).toEqual(["create", "start", "kill"]);
  });
});

test("what the user has no permission for is told as that, and not as a machine that does not answer", async () => {
  let denied = false;
  const { driver, seen } = stubDriver((machine) => ({
    inspect: async () => {
      if (denied) throw new MkError("PERMISSION_DENIED", "may not read the record", { hint: "Take it back." });
      return { state: machine.state } as MachineStatus;
    },
  }));
  await withMk(driver, async (mk) => {
    await using machine = await mk.start({ name: "m" });
    denied = true;
    for (const work of [() => machine.stop(), () => machine.start(), () => machine.delete()]) {
      await expect(work()).rejects.toMatchObject({ code: "PERMISSION_DENIED", hint: "Take it back." });
    }
    expect(await machine.status()).toEqual({ state: "unknown", reason: "may not read the record" });
    expect(seen.calls).toEqual(["create", "start"]);
    denied = false;
    await machine.delete();
  });
});

test("stop does not cut the power when the hypervisor falls silent while the guest shuts down", async () => {
  const { driver, seen } = stubDriver((machine) => ({
    stop: async () => {
      machine.state = "unknown";
      throw new MkError("NETWORK_FAILED", "the monitor closed the connection", { hint: "Look at its log." });
    },
  }));
  await withMk(driver, async (mk) => {
    await using machine = await mk.start({ name: "m" });
    await expect(machine.stop()).rejects.toMatchObject({ code: "MACHINE_UNRESPONSIVE" });
    expect(seen.calls).not.toContain("kill");
  });
});

test("stop lets a paused guest go on so that it can shut down", async () => {
  const { driver, seen } = stubDriver((machine) => ({
    suspension: { pause: machine.become("pause", "paused"), resume: machine.become("resume", "running") },
    inspect: async () => ({ state: machine.state }) as MachineStatus,
  }));
  await withMk(driver, async (mk) => {
    await using machine = await mk.start({ name: "m" });
    await machine.pause();
    await machine.stop();
    expect(seen.calls).toEqual(["create", "start", "pause", "resume", "stop"]);
  });
});

test("stop cuts the power of a guest that an error of its disk has paused", async () => {
  const { driver, seen } = stubDriver((machine) => ({
    suspension: { pause: machine.become("pause", "paused"), resume: machine.become("resume", "running") },
  }));
  await withMk(driver, async (mk) => {
    await using machine = await mk.start({ name: "m" });
    // With the stub's reason.
    seen.state = "paused";
    await machine.stop();
    expect(seen.calls).toEqual(["create", "start", "kill"]);
  });
});

test("a start that fails does not cut the power of a machine that came back from disk", async () => {
  const { driver, seen } = stubDriver((machine) => ({
    access: async () => {
      if (machine.calls.includes("stop")) throw new MkError("HOST_KEY_CHANGED", "another machine", { hint: "Look." });
      return { via: "exec", argv: ["env"] };
    },
  }));
  await withMk(driver, async (mk) => {
    await using machine = await mk.start({ name: "m" });
    await machine.stop();
    seen.state = "saved";
    await expect(machine.start()).rejects.toMatchObject({ code: "HOST_KEY_CHANGED" });
    expect(seen.calls).not.toContain("kill");
  });
});

test("a driver's own reason and hint reach the user when the first inspection of a create fails", async () => {
  const { driver } = stubDriver(() => ({
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
  const { driver } = stubDriver(() => ({
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
  const { driver } = stubDriver(() => ({}), {
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

// A console may be a ring (HyperKit keeps 64 KiB), a log may be truncated, and the guest says "ready" once.
test("starting a machine that runs asks the guest itself when its console has lost the marker", async () => {
  const { driver, seen } = stubDriver(
    () => ({
      console: {
        async *read(signal) {
          yield Buffer.from(seen.calls.includes("stop") ? "[ 99.1] some later line\n" : "mk-guest: ready uptime=1\n");
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        },
      },
      access: async () => ({ via: "exec", argv: ["sh", "-c", 'echo "$@" >>"$0"', log] }),
    }),
    { traits: VM },
  );
  const home = await mkdtemp(join(tmpdir(), "mk-core-side-"));
  const log = join(home, "asked");
  try {
    await using mk = createMk({ home, drivers: [driver], images: IMAGES });
    await using machine = await mk.start({ name: "m" });
    seen.calls.push("stop");
    await machine.start();
    expect((await readFile(log, "utf8")).split("\n", 1)).toEqual(["test -e /run/mk/engine -a ! -e /run/mk/stopping"]);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

test("a marker that comes while the guest is asked counts", async () => {
  const { driver, seen } = stubDriver(
    () => ({
      console: {
        async *read(signal) {
          if (seen.calls.includes("stop")) {
            for await (const _ of createNodeHost().files.follow(asked, { signal })) break;
          }
          yield Buffer.from("mk-guest: ready uptime=1\n");
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        },
      },
      // A shell that never answers.
      access: async () => ({ via: "exec", argv: ["sh", "-c", 'echo >"$0"; exec sleep 600', asked] }),
    }),
    { traits: VM },
  );
  const home = await mkdtemp(join(tmpdir(), "mk-core-side-"));
  const asked = join(home, "asked");
  try {
    await using mk = createMk({ home, drivers: [driver], images: IMAGES });
    await using machine = await mk.start({ name: "m" });
    seen.calls.push("stop");
    await machine.start();
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

describe("the guest's clock", () => {
  /** A machine that can be paused, whose shell writes down the scripts it is given. */
  async function withClock(
    traits: DriverTraits,
    shell: string,
    work: (machine: MachineHandle, asked: () => Promise<readonly string[]>, events: MkEvent[]) => Promise<void>,
  ): Promise<void> {
    const home = await mkdtemp(join(tmpdir(), "mk-core-side-"));
    const log = join(home, "asked");
    const { driver } = stubDriver(
      (machine) => ({
        suspension: { pause: machine.become("pause", "paused"), resume: machine.become("resume", "running") },
        inspect: async () => ({ state: machine.state }) as MachineStatus,
        access: async () => ({ via: "exec", argv: ["sh", "-c", shell, log] }),
      }),
      { traits },
    );
    const events: MkEvent[] = [];
    try {
      await using mk = createMk({
        home,
        drivers: [driver],
        images: IMAGES,
        onEvent: (event) => events.push(event),
      });
      await using machine = await mk.start({ name: "m" });
      const asked = async () => (await readFile(log, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
      await work(machine, asked, events);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  }

  const writesDown = 'echo "$1 $5" >>"$0"';
  const times = (lines: readonly string[]) =>
    lines.filter((line) => /^sh \d+$/.test(line)).map((line) => line.slice(3));

  test("is set when a paused machine is resumed, by resume and by start", async () => {
    await withClock(VM, writesDown, async (machine, asked) => {
      await machine.pause();
      await machine.resume();
      expect(times(await asked())).toHaveLength(1);
      await machine.pause();
      await machine.start();
      const set = times(await asked());
      expect(set).toHaveLength(2);
      for (const seconds of set) expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(600);
    });
  });

  test("is set by a start of a machine that runs", async () => {
    await withClock(VM, writesDown, async (machine, asked) => {
      await machine.start();
      expect(times(await asked())).toHaveLength(1);
    });
  });

  test("is the host's own in a container, and left alone", async () => {
    await withClock({ ...VM, isolation: "container", image: "oci" }, writesDown, async (machine, asked) => {
      await machine.pause();
      await machine.resume();
      expect(times(await asked())).toEqual([]);
    });
  });

  test("is no reason to fail when it cannot be set", async () => {
    await withClock(VM, '[ "$1" = true ]', async (machine, _, events) => {
      await machine.pause();
      await machine.resume();
      expect(await machine.status()).toEqual({ state: "running" });
      expect(events.map(({ data }) => data)).toContainEqual(
        expect.objectContaining({ type: "note", level: "warning", message: expect.stringContaining("clock") }),
      );
    });
  });
});

test("an ability that is refused says what to do instead", async () => {
  const { driver } = stubDriver(() => ({}));
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
  const { driver } = stubDriver(
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
