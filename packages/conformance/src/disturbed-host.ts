import type { Host } from "@mk/core";
import { asHost } from "./driver-code.js";

/** One call through the door that core lends to a driver. */
export interface HostCall {
  /** `run`, `files.write`, `network.connect`, `record.write`, … */
  readonly name: string;
  /** The program of `run` and `spawnDaemon`, the path of file calls. */
  readonly subject: string;
  readonly args: readonly unknown[];
  /** Undefined when the call was given none, or takes none. */
  readonly signal: AbortSignal | undefined;
}

/** Called before each call; it may throw in the call's place. */
export type Disturb = (call: HostCall) => void | Promise<void>;

/** Calls that last as long as something else does: they must be given the operation's signal. */
export const WAITING_CALLS: ReadonlySet<string> = new Set(["run", "delay", "network.connect", "processes.waitGone"]);

/** Calls that can fail on a real computer at any time. */
export const FALLIBLE_CALLS: ReadonlySet<string> = new Set([
  "run",
  "processes.spawnDaemon",
  "network.connect",
  "network.leasePort",
  "record.write",
  ...["readText", "readBytes", "write", "patch", "allocate", "copy", "concat", "makeDirectory", "rename"].map(
    (name) => `files.${name}`,
  ),
]);

const GROUPS = ["files", "processes", "network", "cache"] as const;
const PLAIN = new Set(["now", "platform", "inventory"]);

/** The same host, with `disturb` before every call that waits or touches something. */
export function disturbedHost<H extends Host>(host: H, disturb: Disturb): H {
  const groups = Object.fromEntries(GROUPS.map((group) => [group, intercept(host[group], `${group}.`, disturb)]));
  return intercept(host, "", disturb, groups);
}

function intercept<T extends object>(
  target: T,
  prefix: string,
  disturb: Disturb,
  replaced: Readonly<Record<string, unknown>> = {},
): T {
  return new Proxy(target, {
    get(_, key) {
      const found: unknown =
        typeof key === "string" && key in replaced ? replaced[key] : Reflect.get(target, key, target);
      if (typeof found !== "function") return found;
      if (typeof key === "symbol" || PLAIN.has(key)) return found.bind(target);
      const call = (...args: unknown[]) => asHost(() => Reflect.apply(found, target, args));
      // An async iterable is disturbed when it is iterated, which abort alone ends: nothing to do here.
      if (key === "follow") return call;
      return async (...args: unknown[]) => {
        const seen: HostCall = { name: `${prefix}${key}`, subject: String(args[0]), args, signal: signalIn(args) };
        await asHost(() => disturb(seen));
        return call(...args);
      };
    },
  });
}

function signalIn(args: readonly unknown[]): AbortSignal | undefined {
  for (const arg of args) {
    if (arg instanceof AbortSignal) return arg;
    if (typeof arg === "object" && arg !== null && "signal" in arg && arg.signal instanceof AbortSignal)
      return arg.signal;
  }
  return undefined;
}
