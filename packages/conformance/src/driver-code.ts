import { AsyncLocalStorage, createHook } from "node:async_hooks";

/** What code of a driver is doing now, with all that it has started; undefined in code of its host and of the kit. */
const current = new AsyncLocalStorage<{ readonly timers: string[] } | undefined>();
let watching = false;

/** Runs code of a driver; `timers` gets the place of each timer that it sets. */
export function asDriver<T>(timers: string[], work: () => T): T {
  if (!watching) createHook({ init: noteTimer }).enable();
  watching = true;
  return current.run({ timers }, work);
}

/** Runs what a driver's code leads to, but is not the driver's. */
export function asHost<T>(work: () => T): T {
  return current.run(undefined, work);
}

/** `AbortSignal.timeout`, `setTimeout` and `setInterval`, the promises' too, are all this one resource. */
function noteTimer(_id: number, type: string): void {
  if (type !== "Timeout") return;
  const place = placeOf(new Error().stack ?? "");
  if (place !== undefined) current.getStore()?.timers.push(place);
}

/** Where the code beyond Node's own is; undefined when it is a dependency's. */
function placeOf(stack: string): string | undefined {
  const own = new URL(import.meta.url).pathname;
  const frames = stack.split("\n").slice(1);
  const frame = frames.find((line) => !/[( ]node:/.test(line) && !line.includes(own));
  return frame === undefined || frame.includes("/node_modules/") ? undefined : frame.trim();
}
