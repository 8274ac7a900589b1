import type { StartRequest } from "../api.js";

const CHOICES = {
  arch: ["amd64", "arm64"],
  allow: ["live", "restart", "recreate"],
  onDispose: ["keep", "stop", "delete"],
} as const satisfies { readonly [Key in keyof StartRequest]: readonly StartRequest[Key][] };

const COUNTS = ["cpus", "memoryMiB", "diskMiB"] as const satisfies readonly (keyof StartRequest)[];

/** TypeError for what the types of a request do not let pass: nothing of it may be taken for a permission, or written down. */
export function checkRequest(request: StartRequest): void {
  for (const [key, choices] of Object.entries(CHOICES)) {
    const value: unknown = request[key as keyof typeof CHOICES];
    if (value !== undefined && !choices.some((choice) => choice === value)) {
      throw new TypeError(`${key} is ${JSON.stringify(value)}, which is none of ${choices.join(", ")}`);
    }
  }
  for (const key of COUNTS) {
    const value: unknown = request[key];
    if (value !== undefined && !(Number.isSafeInteger(value) && Number(value) > 0)) {
      throw new TypeError(`${key} is ${String(value)}, which is not a whole number above 0`);
    }
  }
}
