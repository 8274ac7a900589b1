import { join, resolve } from "node:path";
import type { DriverReport, Mk, MkOptions } from "./api.js";
import { DEFAULT_MACHINE } from "./defaults.js";
import { MkError } from "./errors.js";
import type { PhaseTiming } from "./events/event.js";
import { createEventLog } from "./events/event-log.js";
import { hostArch } from "./host/host-arch.js";
import { createNodeHost } from "./host/node-host.js";
import { checkRequest } from "./lifecycle/check-request.js";
import type { Engine } from "./lifecycle/engine.js";
import { inspectMachine } from "./lifecycle/inspect-machine.js";
import { createInstance } from "./lifecycle/instance.js";
import { start } from "./lifecycle/machine-commands.js";
import { openSession } from "./lifecycle/machine-session.js";
import { planChanges } from "./lifecycle/plan-changes.js";
import { absent, readConfig } from "./lifecycle/stored-machine.js";
import { sweepAbsent } from "./lifecycle/sweep-leftovers.js";
import { createMachineHandle } from "./machine/machine-handle.js";
import { machineInfo } from "./machine/machine-info.js";
import { once } from "./once.js";
import { resolveOptions } from "./options/resolve-options.js";
import { valueEntry } from "./registry/driver-entry.js";
import { createRegistry } from "./registry/registry.js";
import { readyKey } from "./selection/assert-ready.js";
import { probeDrivers } from "./selection/probe.js";
import { createHome } from "./store/home.js";
import { assertMachineName } from "./store/machine-name.js";
import { createMachineStore } from "./store/machine-store.js";
import { createReserve } from "./store/reserve.js";
import { readUserConfig } from "./user-config/user-config-file.js";

/**
 * mk for programs: everything the `mk` command does is done through this. Cheap: reads nothing and starts nothing until it is asked to.
 * Dispose it to end what it still does, once that is rolled back, and to close every connection; machines go on running.
 */
export function createMk(options: MkOptions = {}): Mk {
  const host = options.host ?? createNodeHost(options.home === undefined ? {} : { home: resolve(options.home) });
  const home = createHome(resolve(options.home ?? (host.env.MK_HOME || join(host.homeDirectory, ".mk"))));
  const instance = createInstance(options.signal);
  const events = createEventLog(options.onEvent);
  const registry = once(async () => {
    const discovered = (await options.discover?.()) ?? { found: [], skipped: [] };
    // Drivers given as values come first: who gives one means it.
    const given = (options.drivers ?? []).map(valueEntry);
    const names = new Set(given.flatMap((entry) => [entry.name, ...entry.aliases]));
    const found = discovered.found.filter((entry) => ![entry.name, ...entry.aliases].some((name) => names.has(name)));
    return createRegistry({ found: [...given, ...found], skipped: discovered.skipped });
  });
  const engine: Engine = {
    home,
    store: createMachineStore(home),
    reserve: createReserve(home),
    host,
    images: options.images,
    events,
    ready: new Set(),
    registry,
    userConfig: once(() => readUserConfig(host.files, home.root)),
  };

  const mk: Mk = {
    home: home.root,
    start: ({ name = DEFAULT_MACHINE, ...request } = {}) =>
      instance.run(`start of machine ${JSON.stringify(name)}`, request, async (callSignal) => {
        assertMachineName(name);
        const timings: PhaseTiming[] = [];
        await start(engine, name, request, {
          signal: callSignal,
          timeoutMs: request.timeoutMs,
          onPhase: (phase) => timings.push(phase),
        });
        return createMachineHandle({ engine, name, instance, onDispose: request.onDispose, timings });
      }),
    async machine(name) {
      assertMachineName(name);
      if ((await engine.store.read(name)).kind === "absent") {
        // It may have been deleted by a command that was killed before it was through.
        await sweepAbsent(engine, name, instance.signal);
        throw absent(name);
      }
      return createMachineHandle({ engine, name, instance });
    },
    list: (call = {}) =>
      instance.run("list of machines", call, async (callSignal) => {
        const names = await engine.store.names();
        const infos = await Promise.all(
          names.map((name) =>
            machineInfo(engine, name, callSignal).catch((error: unknown) => {
              // Deleted since the names were read.
              if (MkError.is(error, "MACHINE_ABSENT")) return undefined;
              throw error;
            }),
          ),
        );
        return infos.filter((info) => info !== undefined);
      }),
    async drivers() {
      const { entries, skipped } = await registry();
      return { found: entries, skipped };
    },
    driver: (name, call = {}) =>
      instance.run(`loading of driver ${name}`, call, async (callSignal) => (await registry()).load(name, callSignal)),
    probe: (call = {}) =>
      instance.run("probe of the drivers", call, async (callSignal): Promise<readonly DriverReport[]> => {
        const known = await registry();
        const probes = await probeDrivers(known, known.entries, { host, signal: callSignal });
        for (const { driver, status } of probes) {
          if (driver === undefined || status.status !== "ready") continue;
          engine.ready.add(readyKey(driver, { arch: hostArch(host), options: resolveOptions(driver, {}) }));
        }
        return probes.map(({ entry: { name, origin, builtin }, status }) => ({ name, origin, builtin, status }));
      }),
    plan: ({ name = DEFAULT_MACHINE, ...request }) =>
      instance.run(`plan for machine ${JSON.stringify(name)}`, request, async (callSignal) => {
        checkRequest(request);
        await using session = await openSession(engine, await readConfig(engine, name), callSignal);
        const { config, driver, machine } = session;
        const { state } = await inspectMachine(session, callSignal);
        const driverName = request.driver === undefined ? driver.name : (await registry()).resolve(request.driver).name;
        const running = state !== "stopped" && state !== "absent";
        return planChanges({ config, driver, machine, driverName, request, running }).changes;
      }),
    events: () => events.read({ signal: instance.settled }),
    async [Symbol.asyncDispose]() {
      await instance.end(new MkError("CANCELLED", "this instance of mk was disposed"));
      events.close();
    },
  };
  return mk;
}
