import { AsyncLocalStorage } from "node:async_hooks";
import { Buffer } from "node:buffer";
import { type Machine, type MachineContext, MkError, type MountSpec, type Operation, type SeedFile } from "@mk/core";
import type { IsolatedProcess } from "./isolated-process.js";
import {
  type Ability,
  type CallRequest,
  type ChildEvent,
  fromJson,
  ISOLATED_METHODS,
  type OpenReply,
  type Outcome,
  toJson,
} from "./messages.js";
import { outcomeOf, settle } from "./outcome.js";

/** What a driver that was told to stop may take to do so. */
const CANCEL_MS = 5_000;

interface RunningCall {
  readonly op: Operation;
  readonly onConsole?: (bytes: Uint8Array) => void;
  readonly steps: Promise<unknown>[];
}

interface RunningStep {
  readonly end: (outcome: Outcome) => void;
  report: Parameters<Parameters<Operation["step"]>[2]>[0] | undefined;
  /** Runs a function inside this step, so that core sees steps in it as its children. */
  inside: (<T>(work: () => T) => T) | undefined;
}

/** The parent's side of a machine whose driver runs in another process. */
export class IsolatedConnection {
  readonly #process: IsolatedProcess;
  readonly #context: MachineContext;
  readonly #calls = new Map<string, RunningCall>();
  readonly #steps = new Map<string, RunningStep>();
  #lastCall = 0;

  constructor(process: IsolatedProcess, context: MachineContext) {
    this.#process = process;
    this.#context = context;
  }

  /** Opens the machine over there; afterwards what the driver does is heard here. */
  async open(config: unknown): Promise<Machine> {
    const { name, id, directory, spec } = this.#context;
    void this.#hear();
    const reply = await this.#process.call(ISOLATED_METHODS.Open, toJson({ name, id, directory, spec, config }));
    return this.#machine((settle(fromJson(reply) as Outcome) as OpenReply).abilities);
  }

  #machine(abilities: readonly Ability[]): Machine {
    const has = (ability: Ability): boolean => abilities.includes(ability);
    const order = (method: string) => async (op: Operation) => void (await this.#call(method, [], op));
    const ask =
      <T>(method: string, ...args: readonly unknown[]) =>
      async (op: Operation) =>
        (await this.#call(method, args, op)) as T;
    return {
      inspect: ask("inspect"),
      create: order("create"),
      start: order("start"),
      stop: order("stop"),
      kill: order("kill"),
      remove: order("remove"),
      access: ask("access"),
      endpoint: (port: number, op: Operation) => ask<Awaited<ReturnType<Machine["endpoint"]>>>("endpoint", port)(op),
      ...(has("address") && { address: ask<string>("address") }),
      ...(has("reconfigure") && { reconfigure: order("reconfigure") }),
      ...(has("console") && { console: { read: (signal: AbortSignal) => this.#console(signal) } }),
      ...(has("suspension") && {
        suspension: { pause: order("suspension.pause"), resume: order("suspension.resume") },
      }),
      ...(has("hibernation") && { hibernation: { save: order("hibernation.save") } }),
      ...(has("snapshots") && {
        snapshots: {
          list: ask<Awaited<ReturnType<NonNullable<Machine["snapshots"]>["list"]>>>("snapshots.list"),
          take: (name: string, op: Operation) => ask<void>("snapshots.take", name)(op),
          restore: (name: string, op: Operation) => ask<void>("snapshots.restore", name)(op),
          remove: (name: string, op: Operation) => ask<void>("snapshots.remove", name)(op),
        },
      }),
      ...(has("mounts") && {
        mounts: {
          add: (mount: MountSpec, op: Operation) => ask<void>("mounts.add", mount)(op),
          remove: (target: string, op: Operation) => ask<void>("mounts.remove", target)(op),
        },
      }),
      close: () => this.#process.end(),
    };
  }

  async #call(
    method: string,
    args: readonly unknown[],
    op: Operation,
    onConsole?: RunningCall["onConsole"],
  ): Promise<unknown> {
    op.signal.throwIfAborted();
    const call = String(++this.#lastCall);
    const request: CallRequest = { call, method, args };
    const steps: Promise<unknown>[] = [];
    this.#calls.set(call, { op, steps, ...(onConsole !== undefined && { onConsole }) });
    let timer: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      // A driver that does not stop when told is ended: the next call gets a new process.
      timer = setTimeout(() => void this.#process.kill(), CANCEL_MS);
      this.#process.call(ISOLATED_METHODS.Cancel, call).catch(() => undefined);
    };
    op.signal.addEventListener("abort", cancel, { once: true });
    try {
      const outcome = fromJson(await this.#process.call(ISOLATED_METHODS.Call, toJson(request))) as Outcome;
      return settle(outcome);
    } catch (error) {
      op.signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
      op.signal.removeEventListener("abort", cancel);
      this.#calls.delete(call);
      // Core's steps end with the call, not after it.
      await Promise.all(steps);
    }
  }

  async *#console(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let wake: (() => void) | undefined;
    let ended = false;
    const op: Operation = {
      signal,
      step: (_id, _title, work) => work(() => undefined),
      undo: () => undefined,
      log: () => undefined,
    };
    const reading = this.#call("console", [], op, (bytes) => {
      chunks.push(bytes);
      wake?.();
    }).finally(() => {
      ended = true;
      wake?.();
    });
    reading.catch(() => undefined);
    for (;;) {
      for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) yield chunk;
      if (ended) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    // The end of the iteration is how an abort shows.
    if (!signal.aborted) await reading;
  }

  /** Takes what happens over there until the connection ends: the calls themselves then say why. */
  async #hear(): Promise<void> {
    try {
      for (;;) {
        const batch = fromJson(await this.#process.call(ISOLATED_METHODS.Next, {})) as readonly ChildEvent[];
        for (const event of batch) this.#take(event);
      }
    } catch (error) {
      const outcome = await outcomeOf(() => Promise.reject(error));
      for (const step of this.#steps.values()) step.end(outcome);
      this.#steps.clear();
    }
  }

  #take(event: ChildEvent): void {
    switch (event.type) {
      case "log":
        this.#calls.get(event.call)?.op.log(String(event.message), event.fields);
        return;
      case "step":
        this.#beginStep(event);
        return;
      case "progress":
        this.#steps.get(event.key)?.report?.(event.progress);
        return;
      case "step-end":
        this.#steps.get(event.key)?.end(event.outcome);
        this.#steps.delete(event.key);
        return;
      case "undo":
        this.#calls.get(event.call)?.op.undo(async (op) => void (await this.#call("undo", [event.key], op)));
        return;
      case "console":
        this.#calls.get(event.call)?.onConsole?.(Buffer.from(event.bytes, "base64"));
        return;
      case "ask":
        void this.#answer(event);
        return;
      default:
        event satisfies never;
    }
  }

  #beginStep(event: ChildEvent & { type: "step" }): void {
    const call = this.#calls.get(event.call);
    if (call === undefined) return;
    const ended = new Promise<Outcome>((resolve) => {
      this.#steps.set(event.key, { end: resolve, report: undefined, inside: undefined });
    });
    const begin = () =>
      call.op.step(event.id, event.title, async (report) => {
        const step = this.#steps.get(event.key);
        if (step !== undefined) Object.assign(step, { report, inside: AsyncLocalStorage.snapshot() });
        return settle(await ended);
      });
    const inside = event.parent === undefined ? undefined : this.#steps.get(event.parent)?.inside;
    // How the step failed is how the call fails, which is told there.
    call.steps.push((inside === undefined ? begin() : inside(begin)).catch(() => undefined));
  }

  async #answer({ key, what, argument }: ChildEvent & { type: "ask" }): Promise<void> {
    const outcome = await outcomeOf(async () => {
      switch (what) {
        case "image":
          return await this.#context.image();
        case "seed":
          return (await this.#context.seed(argument as Parameters<MachineContext["seed"]>[0])).map(packSeed);
        case "record.read":
          return await this.#context.record.read();
        case "record.write":
          return await this.#context.record.write(argument);
        default:
          what satisfies never;
          throw new MkError("PROTOCOL_ERROR", "the driver's process asked what nobody knows");
      }
    });
    await this.#process.call(ISOLATED_METHODS.Answer, toJson({ key, outcome })).catch(() => undefined);
  }
}

// JSON has no bytes.
function packSeed(file: SeedFile): unknown {
  if (typeof file.contents === "string") return file;
  return { ...file, contents: "", bytes: Buffer.from(file.contents).toString("base64") };
}
