/** Core's own steps, by operation. Drivers add theirs: every `op.step` is one. */
const STEPS = {
  create: ["config", "image", "replace", "intent", "save", "inspect", "driver", "resolve", "remove"],
  start: ["inspect", "intent", "driver", "resume", "ssh", "ready", "clock", "certificate", "resolve", "power-off"],
  stop: ["inspect", "intent", "resume", "shutdown", "kill", "verify", "resolve"],
  reconfigure: ["intent", "driver", "save", "resolve"],
  delete: ["inspect", "kill", "driver", "intent", "files"],
  pause: ["driver"],
  resume: ["driver", "clock"],
  lock: ["acquire", "release"],
  store: [
    "directory",
    "config",
    "last-good",
    "intent",
    "resolve",
    "quarantine",
    "clear",
    "remove",
    "trash",
    "write",
    "sync",
    "rename",
    "sync-directory",
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The names of all failpoints of core, each before and after its step: what MK_FAILPOINTS can name. */
export function listFailpoints(): readonly string[] {
  return Object.entries(STEPS).flatMap(([operation, steps]) =>
    steps.flatMap((step) => [`${operation}.${step}:before`, `${operation}.${step}:after`]),
  );
}
