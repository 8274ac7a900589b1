import { AsyncLocalStorage } from "node:async_hooks";
import { Buffer } from "node:buffer";
import { Duplex, Writable } from "node:stream";
import {
  createNodeHost,
  type Driver,
  type Machine,
  type MachineContext,
  MkError,
  type Operation,
  type SeedFile,
} from "@mk/core";
import { RpcService, serveRpc } from "../rpc/rpc-server.js";
import { EventQueue } from "./event-queue.js";
import {
  ABILITIES,
  type Answer,
  type CallRequest,
  fromJson,
  ISOLATED_METHODS,
  type IsolatedStatusRequest,
  type OpenRequest,
  type Outcome,
  type Question,
  SERVICE,
  toJson,
} from "./messages.js";
import { outcomeOf, settle } from "./outcome.js";

type Work = (op: Operation) => Promise<unknown>;

/**
 * The process in which an isolated driver runs. It speaks over its own standard input and output, which nobody else can reach, and ends with its standard
 * input: when the parent is gone in whatever way, so is this.
 */
export function serveIsolated(driver: Driver): void {
  const stream = takeStandardStreams();
  const queue = new EventQueue();
  const running = new Map<string, AbortController>();
  const undos = new Map<string, (op: Operation) => Promise<void>>();
  const questions = new Map<string, (outcome: Outcome) => void>();
  const currentStep = new AsyncLocalStorage<string>();
  let machine: Machine | undefined;
  let lastKey = 0;
  const newKey = (): string => String(++lastKey);

  const ask = async (what: Question, argument?: unknown): Promise<unknown> => {
    const key = newKey();
    const answered = new Promise<Outcome>((resolve) => questions.set(key, resolve));
    queue.push({ type: "ask", key, what, argument });
    return settle(await answered);
  };

  const operationOf = (call: string, signal: AbortSignal): Operation => ({
    signal,
    async step(id, title, work) {
      const key = newKey();
      const parent = currentStep.getStore();
      queue.push({ type: "step", call, key, id, title, ...(parent !== undefined && { parent }) });
      try {
        const result = await currentStep.run(key, () =>
          work((progress) => queue.push({ type: "progress", key, progress })),
        );
        queue.push({ type: "step-end", key, outcome: {} });
        return result;
      } catch (error) {
        queue.push({ type: "step-end", key, outcome: await outcomeOf(() => Promise.reject(error)) });
        throw error;
      }
    },
    undo(cleanup) {
      const key = newKey();
      undos.set(key, cleanup);
      queue.push({ type: "undo", call, key });
    },
    log: (message, fields) => queue.push({ type: "log", call, message, ...(fields !== undefined && { fields }) }),
  });

  const run = async ({ call, method, args }: CallRequest): Promise<Outcome> => {
    const controller = new AbortController();
    running.set(call, controller);
    try {
      return await outcomeOf(() => workOf(method, args)(operationOf(call, controller.signal)));
    } finally {
      running.delete(call);
      // The parent must have heard of every step before it hears that the call ended.
      await queue.flush();
    }

    function workOf(name: string, given: readonly unknown[]): Work {
      if (machine === undefined) throw new MkError("PROTOCOL_ERROR", "a call came before the machine was opened");
      if (name === "undo") return undos.get(String(given[0])) ?? (async () => undefined);
      if (name === "console") return (op) => readConsole(machine!, call, op.signal, queue);
      return methodOf(machine, name, given);
    }
  };

  const open = async ({ config, ...known }: OpenRequest): Promise<unknown> => {
    const context: MachineContext = {
      ...known,
      host: createNodeHost(),
      image: async () => (await ask("image")) as Awaited<ReturnType<MachineContext["image"]>>,
      seed: async (options) => ((await ask("seed", options)) as readonly SeedFile[]).map(unpackSeed),
      record: {
        read: async () => (await ask("record.read")) ?? undefined,
        write: async (value) => void (await ask("record.write", value)),
      },
    };
    machine = await driver.createDriver(driver.parseConfig(config), context);
    return { abilities: ABILITIES.filter((ability) => machine?.[ability] !== undefined) };
  };

  const service = new RpcService(SERVICE)
    .on(ISOLATED_METHODS.Open, async (request) => toJson(await outcomeOf(() => open(fromJson(request) as OpenRequest))))
    .on(ISOLATED_METHODS.Status, async (request) => {
      const { machine } = fromJson(request) as IsolatedStatusRequest;
      return toJson(await outcomeOf(() => driver.status(createNodeHost(), AbortSignal.timeout(60_000), machine)));
    })
    .on(ISOLATED_METHODS.Call, async (request) => toJson(await run(fromJson(request) as CallRequest)))
    .on(ISOLATED_METHODS.Cancel, (call) => {
      running.get(call)?.abort(new MkError("CANCELLED", "the operation was given up"));
    })
    .on(ISOLATED_METHODS.Next, async () => toJson(await queue.next()))
    .on(ISOLATED_METHODS.Answer, (bytes) => {
      const { key, outcome } = fromJson(bytes) as Answer;
      questions.get(key)?.(outcome);
      questions.delete(key);
    });
  serveRpc(stream, service);
  // Ctrl-C goes to the whole group of a terminal: what it means is decided by the parent.
  process.on("SIGINT", () => undefined);
  stream.on("close", () => process.exit());
  stream.on("end", () => process.exit());
}

/** What a driver or a library prints by mistake must not get between our answers: it goes to standard error. */
function takeStandardStreams(): Duplex {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  process.stdout.on("error", () => process.exit());
  process.stderr.on("error", () => undefined);
  const writable = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => void write(chunk, (error) => done(error ?? null)),
  });
  return Duplex.from({ readable: process.stdin, writable });
}

function methodOf(machine: Machine, name: string, args: readonly unknown[]): Work {
  const path = name.split(".");
  const [first, second] = path;
  const owner = second === undefined ? machine : machine[first as "suspension"];
  const method = (owner as unknown as Readonly<Record<string, unknown>> | undefined)?.[second ?? first!];
  if (typeof method !== "function") throw new MkError("NOT_SUPPORTED", `the driver has no method ${name}`);
  return async (op) => await (method as (...given: unknown[]) => unknown).call(owner, ...args, op);
}

async function readConsole(machine: Machine, call: string, signal: AbortSignal, queue: EventQueue): Promise<void> {
  for await (const chunk of machine.console?.read(signal) ?? []) {
    await queue.pushAndWait({ type: "console", call, bytes: Buffer.from(chunk).toString("base64") });
  }
}

function unpackSeed(file: SeedFile & { readonly bytes?: string }): SeedFile {
  const { bytes, ...rest } = file;
  return bytes === undefined ? rest : { ...rest, contents: Buffer.from(bytes, "base64") };
}
