import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { GobEncoder } from "../gob/encoder.js";
import { METHODS } from "../protocol/methods.js";
import { requestSchema } from "../rpc/messages.js";
import type { PluginAddress } from "./plugin-address.js";

export interface Keeper {
  /** Ends the keeper without ending the plugin. */
  dismiss(): void;
}

/** Starts the process that keeps a plugin alive while mk is stopped and ends it when mk is killed. See keeper.js. */
export function startKeeper(address: PluginAddress, group: number, service: string): Keeper {
  const encoder = new GobEncoder();
  const [first, next] = [beat(encoder, service), beat(encoder, service)];
  const program = fileURLToPath(new URL("./keeper.js", import.meta.url));
  const child = spawn(process.execPath, [program, address.host, String(address.port), String(group), first, next], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
  });
  // Without a keeper mk works all the same; a broken pipe means that it is gone.
  child.on("error", () => undefined);
  child.stdin?.on("error", () => undefined);
  child.unref();
  (child.stdin as { unref?: () => void } | null)?.unref?.();
  return {
    dismiss() {
      child.kill("SIGKILL");
    },
  };
}

// A sequence number may come twice: nobody reads the answers.
function beat(encoder: GobEncoder, service: string): string {
  const name = `${service}.${METHODS.Heartbeat.name}`;
  return Buffer.concat([
    encoder.encode(requestSchema, { ServiceMethod: name, Seq: 0n }),
    encoder.encode(METHODS.Heartbeat.argument, {}),
  ]).toString("hex");
}
