import { join } from "node:path";
import type { CallOptions, StartRequest } from "../api.js";
import { failpoint } from "../failpoints/failpoint.js";
import { createJsonFile } from "./json-file.js";

/** What of a request describes the machine, as opposed to the call. Plain JSON. */
export type WantedMachine = Omit<StartRequest, keyof CallOptions | "name" | "allow" | "onDispose">;

/** What a command was about to do to a machine when it last changed anything: the next command finishes or undoes it. */
export interface Intent {
  readonly operation: (typeof OPERATIONS)[number];
  /** ISO 8601. */
  readonly since: string;
  /** Of `recreate`: what the machine is to become, since the settings it had may be gone. */
  readonly wanted?: WantedMachine;
}

export interface IntentFile {
  read(): Promise<Intent | undefined>;
  /** On disk before this returns. */
  declare(operation: Exclude<Intent["operation"], "recreate">): Promise<void>;
  declare(operation: "recreate", wanted: WantedMachine): Promise<void>;
  resolve(): Promise<void>;
  /** Puts back what was read. */
  restore(before: Intent | undefined): Promise<void>;
}

const OPERATIONS = ["create", "recreate", "start", "stop", "delete", "reconfigure"] as const;

export function createIntentFile(directory: string): IntentFile {
  const file = createJsonFile(join(directory, "intent.json"));
  return {
    async read() {
      const value = await file.read();
      if (typeof value !== "object" || value === null) return undefined;
      const { operation, since, wanted } = value as Partial<Record<keyof Intent, unknown>>;
      const known = OPERATIONS.find((candidate) => candidate === operation);
      if (known === undefined) return undefined;
      // Only mk writes here; what was asked for is checked as any request when it is used.
      const isObject = typeof wanted === "object" && wanted !== null;
      return { operation: known, since: String(since), ...(isObject && { wanted: wanted as WantedMachine }) };
    },
    async declare(operation: Intent["operation"], wanted?: WantedMachine) {
      await failpoint("store.intent:before");
      const since = new Date().toISOString();
      await file.write({ operation, since, ...(wanted !== undefined && { wanted }) } satisfies Intent);
      await failpoint("store.intent:after");
    },
    async resolve() {
      await failpoint("store.resolve:before");
      await file.clear();
      await failpoint("store.resolve:after");
    },
    async restore(before) {
      if (before === undefined) await file.clear();
      else await file.write(before);
    },
  };
}
