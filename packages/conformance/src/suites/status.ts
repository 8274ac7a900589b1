import { type DriverStatus, type Host, MkError } from "@mk/core";
import { expect } from "vitest";
import { type ContractTest, type Subject, type Suite, suiteOf } from "../contract-test.js";
import { disturbedHost, type HostCall, WAITING_CALLS } from "../disturbed-host.js";
import { runOperation } from "../operation.js";
import { expectPlainJson } from "../plain-json.js";

const PROBE_MS = 60_000;

/** Whether the driver can work here: derived by trying, answered as data. */
export const status: Suite = (subject) => [
  ...everywhere(subject),
  ...(subject.mode === "scripted" ? onScriptedHosts(subject) : []),
  ...unavailable(subject),
];

const everywhere = ({ open }: Subject): readonly ContractTest[] =>
  suiteOf("status", {
    "is ready on the host it is tested on": async () => {
      await using bench = await open();
      const found = await bench.status(AbortSignal.timeout(PROBE_MS));
      expect(found, JSON.stringify(found)).toMatchObject({ status: "ready" });
      expectAnswer(found);
    },
    "leaves nothing behind by its probe": async () => {
      await using bench = await open();
      await bench.status(AbortSignal.timeout(PROBE_MS));
      expect(await bench.leftovers()).toEqual({ left: [], gone: [] });
    },
    "leaves no listener on the signal of its probe": async () => {
      await using bench = await open();
      const outcome = await runOperation(({ signal }) => bench.status(signal), { hangMs: PROBE_MS });
      expect(outcome.listenersLeft).toBe(0);
    },
  });

const onScriptedHosts = ({ open }: Subject): readonly ContractTest[] =>
  suiteOf("status", {
    "answers with a reason, a code and a fix where none of its tools is installed": async () => {
      await using bench = await open();
      const found = await bench.status(AbortSignal.timeout(PROBE_MS), withoutTools(bench.host));
      expectAnswer(found);
    },
    "refuses another architecture by its status or its config, not only once the image is there": async () => {
      await using bench = await open();
      const arch = bench.spec.arch === "amd64" ? "arm64" : "amd64";
      bench.spec = { ...bench.spec, arch };
      const found = await bench.status(AbortSignal.timeout(PROBE_MS));
      expectAnswer(found);
      if (found.status !== "ready") return;
      try {
        bench.respecify({ arch });
      } catch (error) {
        expect(error).toMatchObject({ code: "NOT_SUPPORTED" });
        return;
      }
      const machine = await bench.handle();
      await bench.call((op) => machine.create(op));
    },
    "rejects its probe with the reason, whichever tool hangs when it is aborted": async () => {
      for (let nth = 0; ; nth++) {
        await using bench = await open();
        const controller = new AbortController();
        const reason = new Error("probe no longer wanted");
        let waits = 0;
        let hung: HostCall | undefined;
        const host = disturbedHost(bench.host, async (call) => {
          if (!WAITING_CALLS.has(call.name) || waits++ !== nth) return;
          hung = call;
          await untilAborted(call.signal, () => controller.abort(reason));
        });
        const { result } = await runOperation(({ signal }) => bench.status(signal, host), controller);
        if (hung === undefined) break;
        expect(result, `while ${hung.name} of ${hung.subject} hangs`).toEqual({ ok: false, error: reason });
      }
    },
  });

const unavailable = ({ driver, setup }: Subject): readonly ContractTest[] =>
  Object.entries(setup.unavailable ?? {}).flatMap(([name, host]) =>
    suiteOf("status", {
      [`says why it is not ready: ${name}`]: async () => {
        await using opened = await host();
        const found = await driver.status(opened, AbortSignal.timeout(PROBE_MS));
        expect(found.status).not.toBe("ready");
        expectAnswer(found);
      },
    }),
  );

function expectAnswer(found: DriverStatus): void {
  expectPlainJson(found);
  if (found.status === "ready") return;
  expect(["missing", "unhealthy", "stopped"]).toContain(found.status);
  expect(found.code).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
  expect(found.reason).toMatch(/\S{3}/);
  expect(found.fix, "a fix of one sentence").toMatch(/^[A-Z`].{3,}[^\s]$/s);
}

/** The host of someone who has installed nothing. */
function withoutTools(host: Host): Host {
  const missing = async (file: string) => {
    throw new MkError("COMMAND_NOT_FOUND", `${file} is not installed`, { hint: `Install ${file}.` });
  };
  const unreachable = async () => {
    throw new MkError("NETWORK_FAILED", "nothing listens", { hint: "Start the service." });
  };
  const network = disturbedHost(host, (call) => (call.name === "network.connect" ? unreachable() : undefined)).network;
  const processes = disturbedHost(host, (call) => missing(call.subject)).processes;
  const replaced: Partial<Host> = { which: async () => undefined, run: missing, network, processes };
  return new Proxy(host, {
    get(target, key) {
      if (key in replaced) return replaced[key as keyof Host];
      const found: unknown = Reflect.get(target, key, target);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
}

/** Hangs as a tool that never answers: until the call's own signal aborts, which never happens when it was given none. */
export function untilAborted(signal: AbortSignal | undefined, hanging: () => void): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    setImmediate(hanging);
  });
}
