import { type Broken, memory } from "./broken.js";

/** Faults in what a driver declares and computes, none of which needs a machine to be seen. */
export const brokenFacts: readonly Broken[] = [
  memory("has an alias that is its own name", "has aliases of the same form, none of them twice", () => ({
    aliases: ["memory"],
  })),
  memory("needs root and would run in process", "runs out of process when its code needs privileges", () => ({
    traits: { isolation: "none", parallel: true, privileged: true, image: "none" },
  })),
  memory("is a container that boots a VM's image", "has traits that do not contradict each other", () => ({
    traits: { isolation: "container", parallel: true, privileged: false, image: "vm" },
  })),
  memory(
    "has a default outside of its own choices",
    "has defaults of the declared type that the declaration takes",
    ({ options }) => ({
      options: { ...options, size: { type: "string", choices: ["small"], default: "medium", describe: "a size" } },
    }),
  ),
  memory("has a secret in its source", "has no default for a secret", ({ options }) => ({
    options: { ...options, token: { type: "string", secret: true, default: "hunter2", describe: "the token" } },
  })),
  memory("has a pattern that remembers where it matched", "has patterns that keep no state", ({ options }) => ({
    options: { ...options, tag: { type: "string", pattern: /^a+$/g, describe: "a tag" } },
  })),
  memory("puts the time into its config", "makes the same config of the same spec and options", (sound) => {
    let calls = 0;
    return { createConfig: (...given) => ({ ...sound.createConfig(...given), bootMs: calls++ }) };
  }),
  memory("writes into the caller's spec", "does not change what it was given", (sound) => ({
    createConfig: (spec, values) => {
      Object.assign(spec, { cpus: Math.max(1, spec.cpus) });
      return sound.createConfig(spec, values);
    },
  })),
  memory("has a Date in its config", "makes plain JSON", (sound) => ({
    createConfig: (...given) => ({ ...sound.createConfig(...given), since: new Date(0) }),
  })),
  memory("has no version in its config", "writes the version of its config's form into it", (sound) => ({
    createConfig: (...given) => ({ ...sound.createConfig(...given), version: undefined }),
  })),
  memory(
    "loses a setting when it parses its config",
    "parses what it made, after JSON, to the same config",
    (sound) => ({
      parseConfig: (raw) => ({ ...sound.parseConfig(raw), memoryMiB: 512 }),
    }),
  ),
  memory(
    "does not parse the config of a value that it offers",
    "makes a config of every value its declaration bounds, and parses it",
    (sound) => ({
      parseConfig: (raw) => sound.parseConfig((raw as { bootMs?: number })?.bootMs === 60_000 ? {} : raw),
    }),
  ),
  memory("believes any config", "refuses what is no config with CONFIG_CORRUPT", (sound) => ({
    parseConfig: (raw) => {
      try {
        return sound.parseConfig(raw);
      } catch {
        return { version: 2, cpus: 1, memoryMiB: 512, bootMs: 1, verbose: false, labels: [] };
      }
    },
  })),
  memory("fails with a TypeError on a damaged config", "refuses what is no config with CONFIG_CORRUPT", (sound) => ({
    parseConfig: (raw) => {
      const { cpus } = raw as { cpus: number };
      return sound.parseConfig({ ...(raw as object), cpus: Number(cpus.toFixed()) });
    },
  })),
  memory(
    "reads the config of a newer driver as its own",
    "refuses the config of a newer driver with STATE_TOO_NEW",
    (sound) => ({ parseConfig: (raw) => sound.parseConfig({ ...(raw as object), version: 2 }) }),
  ),
  memory(
    "takes the config of a newer driver for a damaged one",
    "refuses the config of a newer driver with STATE_TOO_NEW",
    (sound) => ({
      parseConfig(raw) {
        if ((raw as { version?: number } | null)?.version === 3) return sound.parseConfig(null);
        return sound.parseConfig(raw);
      },
    }),
  ),
  memory("has a status that is a boolean", "is ready on the host it is tested on", () => ({
    status: async () => true as never,
  })),
  memory(
    "says that it is missing, not what to do",
    "answers with a reason, a code and a fix where none of its tools is installed",
    () => ({
      status: async (host) =>
        (await host.which("sh")) === undefined
          ? { status: "missing", code: "NO SHELL", reason: "no" }
          : { status: "ready" },
    }),
  ),
  memory(
    "throws from its probe",
    "answers with a reason, a code and a fix where none of its tools is installed",
    () => ({
      status: async (host) => {
        await host.run("frob", ["--version"]);
        return { status: "ready" };
      },
    }),
  ),
];
