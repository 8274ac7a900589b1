import { join } from "node:path";
import { failpoint } from "../failpoints/failpoint.js";
import { createJsonFile } from "./json-file.js";

/** What a command was about to do to a machine when it last changed anything: the next command finishes or undoes it. */
export interface Intent {
  readonly operation: "create" | "start" | "stop" | "delete" | "reconfigure";
  /** ISO 8601. */
  readonly since: string;
}

export interface IntentFile {
  read(): Promise<Intent | undefined>;
  /** On disk before this returns. */
  declare(operation: Intent["operation"]): Promise<void>;
  resolve(): Promise<void>;
}

const OPERATIONS = ["create", "start", "stop", "delete", "reconfigure"] as const;

export function createIntentFile(directory: string): IntentFile {
  const file = createJsonFile(join(directory, "intent.json"));
  return {
    async read() {
      const value = await file.read();
      if (typeof value !== "object" || value === null) return undefined;
      const { operation, since } = value as Partial<Record<keyof Intent, unknown>>;
      const known = OPERATIONS.find((candidate) => candidate === operation);
      return known === undefined ? undefined : { operation: known, since: String(since) };
    },
    async declare(operation) {
      await failpoint("store.intent:before");
      await file.write({ operation, since: new Date().toISOString() } satisfies Intent);
      await failpoint("store.intent:after");
    },
    async resolve() {
      await failpoint("store.resolve:before");
      await file.clear();
      await failpoint("store.resolve:after");
    },
  };
}
