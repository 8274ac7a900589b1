import { isAbsolute } from "node:path";
import { MkError } from "../errors.js";
import { parseCount, parseSizeMiB } from "../options/parse-size.js";
import { isDriverName } from "../registry/driver-name.js";
import { isMachineName, suggestMachineName } from "../store/machine-name.js";

/** One setting of the file: how its text is proved and stored. */
export interface Setting {
  readonly describe: string;
  /** Proves a value in the form of the file and gives it the form of {@link UserConfig}. */
  parse(text: string, where: string): unknown;
  readonly key: "driver" | "profile" | "cpus" | "memoryMiB" | "diskMiB" | "driverPath" | "isolate";
}

/** Settings by the name `mk config` and the file have for them. */
export const SETTINGS: Readonly<Record<string, Setting>> = {
  driver: { key: "driver", describe: "driver for new machines", parse: parseDriverName },
  profile: { key: "profile", describe: "machine that commands use when none is named", parse: parseMachineName },
  cpus: { key: "cpus", describe: "CPUs of new machines", parse: (text, where) => parseCount(text, where) },
  memory: { key: "memoryMiB", describe: "memory of new machines, for example 4g", parse: parseSizeMiB },
  "disk-size": { key: "diskMiB", describe: "data disk of new machines, for example 20g", parse: parseSizeMiB },
  "driver-path": {
    key: "driverPath",
    describe: "directories searched for drivers, separated by commas",
    parse: parseDirectories,
  },
  isolate: {
    key: "isolate",
    describe: "drivers that run in a process of their own, as root those with :root; all for every driver",
    parse: parseIsolation,
  },
};

function parseDriverName(text: string, where: string): string {
  if (isDriverName(text)) return text;
  throw invalid(where, text, "is not a driver name", "Give a name of the list: mk driver list");
}

function parseMachineName(text: string, where: string): string {
  if (isMachineName(text)) return text;
  throw invalid(where, text, "is not a machine name", `Use a name like ${JSON.stringify(suggestMachineName(text))}.`);
}

function parseIsolation(text: string, where: string): readonly string[] {
  const words = parts(text);
  for (const word of words) {
    if (isDriverName(word.replace(/:root$/, ""))) continue;
    throw invalid(
      where,
      word,
      "is not <driver> or <driver>:root",
      "Separate drivers by commas, as in docker:root,qemu.",
    );
  }
  return words;
}

function parts(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function parseDirectories(text: string, where: string): readonly string[] {
  const directories = parts(text);
  for (const directory of directories) {
    if (!isAbsolute(directory)) throw invalid(where, directory, "is not absolute", "Give the directory from its root.");
  }
  return directories;
}

function invalid(where: string, text: string, problem: string, hint: string): MkError {
  return new MkError("CONFIG_INVALID", `${where} ${JSON.stringify(text)} ${problem}`, { hint });
}
