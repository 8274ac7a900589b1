import { gob } from "../gob/schema.js";
import { emptySchema } from "../rpc/messages.js";
import type { RpcMethod } from "../rpc/rpc-client.js";
import { createFlagsSchema, optionsSchema } from "./flags.js";

/** The name that plugins serve since docker-machine 0.5.1, and the one before it. */
export const SERVICE_NAMES = ["RPCServerDriver", "RpcServerDriver"] as const;

export const API_VERSION = 1;

/** Tells a plugin that a host started it; without it a plugin explains itself and exits 1. */
export const PLUGIN_TOKEN = { name: "MACHINE_PLUGIN_TOKEN", value: "42" } as const;
export const PLUGIN_DRIVER_NAME = "MACHINE_PLUGIN_DRIVER_NAME";

/** A plugin that sees no heartbeat for `timeoutMs` exits; hosts send one every `intervalMs`. Other calls do not count. */
export const HEARTBEAT = { intervalMs: 5_000, timeoutMs: 10_000 } as const;

function ask<R>(name: string, reply: RpcMethod<unknown, R>["reply"]): RpcMethod<Record<string, never>, R> {
  return { name, argument: emptySchema as RpcMethod<Record<string, never>>["argument"], reply };
}

const order = (name: string) => ask(name, gob.ignored);

/** The methods of a docker-machine driver plugin. */
export const METHODS = {
  GetVersion: ask("GetVersion", gob.int),
  Heartbeat: order("Heartbeat"),
  Close: order("Close"),
  SetConfigRaw: { name: "SetConfigRaw", argument: gob.bytes, reply: gob.ignored },
  GetConfigRaw: ask("GetConfigRaw", gob.bytes),
  GetCreateFlags: ask("GetCreateFlags", createFlagsSchema),
  SetConfigFromFlags: { name: "SetConfigFromFlags", argument: optionsSchema, reply: gob.ignored },
  DriverName: ask("DriverName", gob.string),
  GetMachineName: ask("GetMachineName", gob.string),
  GetIP: ask("GetIP", gob.string),
  GetURL: ask("GetURL", gob.string),
  GetSSHHostname: ask("GetSSHHostname", gob.string),
  GetSSHKeyPath: ask("GetSSHKeyPath", gob.string),
  GetSSHUsername: ask("GetSSHUsername", gob.string),
  GetSSHPort: ask("GetSSHPort", gob.int),
  GetState: ask("GetState", gob.int),
  PreCreateCheck: order("PreCreateCheck"),
  Create: order("Create"),
  Remove: order("Remove"),
  Start: order("Start"),
  Stop: order("Stop"),
  Restart: order("Restart"),
  Kill: order("Kill"),
} as const;

/** Asked by rancher-machine since 2025; no other plugin has it. */
export const GET_IPV6 = ask("GetIPv6", gob.string);

export type MethodName = keyof typeof METHODS;
