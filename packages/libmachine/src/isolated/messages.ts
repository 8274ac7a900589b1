import type { MachineSpec, Operation, Progress, SerializedMkError, StatusRequest } from "@mk/core";
import { gob } from "../gob/schema.js";
import { emptySchema } from "../rpc/messages.js";
import type { RpcMethod } from "../rpc/rpc-client.js";

// Both sides are mk's own, of one version: what goes over is JSON in Go byte slices, so that the transport stays the plugins'.

const jsonMethod = (name: string) => ({ name, argument: gob.bytes, reply: gob.bytes });

export const SERVICE = "MkDriver";

export const ISOLATED_METHODS = {
  /** {@link OpenRequest}; answers {@link OpenReply}. Once, before all others but Status. */
  Open: jsonMethod("Open"),
  /** {@link IsolatedStatusRequest}; answers {@link Outcome}. */
  Status: jsonMethod("Status"),
  /** {@link CallRequest}; answers {@link Outcome}. */
  Call: jsonMethod("Call"),
  /** The number of a call: aborts its operation. */
  Cancel: { name: "Cancel", argument: gob.string, reply: gob.ignored },
  /** Answers the next {@link ChildEvent}s when there are any: asked all the time. */
  Next: { name: "Next", argument: emptySchema, reply: gob.bytes } as RpcMethod<Record<string, never>, Uint8Array>,
  /** {@link Answer} to an `ask`. */
  Answer: { name: "Answer", argument: gob.bytes, reply: gob.ignored },
} as const;

export interface IsolatedStatusRequest {
  readonly machine?: StatusRequest<Readonly<Record<string, unknown>>> | undefined;
}

export interface OpenRequest {
  readonly name: string;
  readonly id: string;
  readonly directory: string;
  readonly spec: MachineSpec;
  readonly config: unknown;
}

export const ABILITIES = [
  "address",
  "reconfigure",
  "console",
  "suspension",
  "hibernation",
  "snapshots",
  "mounts",
] as const;
export type Ability = (typeof ABILITIES)[number];

export interface OpenReply {
  readonly abilities: readonly Ability[];
}

export interface CallRequest {
  readonly call: string;
  /** A method of Machine, dotted for those of abilities; `undo` and `console` are ours. */
  readonly method: string;
  readonly args: readonly unknown[];
}

export type Outcome =
  | { readonly value?: unknown }
  | { readonly error: SerializedMkError | { readonly message: string } };

/** What the driver does while a call runs. `call` says which. */
export type ChildEvent =
  | {
      readonly type: "log";
      readonly call: string;
      readonly message: string;
      readonly fields?: Parameters<Operation["log"]>[1];
    }
  | {
      readonly type: "step";
      readonly call: string;
      readonly key: string;
      readonly parent?: string;
      readonly id: string;
      readonly title: string;
    }
  | { readonly type: "progress"; readonly key: string; readonly progress: Progress }
  | { readonly type: "step-end"; readonly key: string; readonly outcome: Outcome }
  | { readonly type: "undo"; readonly call: string; readonly key: string }
  | { readonly type: "console"; readonly call: string; readonly bytes: string }
  | { readonly type: "ask"; readonly key: string; readonly what: Question; readonly argument?: unknown };

/** What of the machine's context only core can answer. */
export type Question = "image" | "seed" | "record.read" | "record.write";

export interface Answer {
  readonly key: string;
  readonly outcome: Outcome;
}

export function toJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value) ?? "null", "utf8");
}

export function fromJson(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString("utf8"));
}
