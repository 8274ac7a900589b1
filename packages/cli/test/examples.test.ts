import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Driver, driverSetting, namedOptions, parseOption, settingOf } from "@mk/core";
import docker from "@mk/driver-docker";
import hyperkit from "@mk/driver-hyperkit";
import kvm2 from "@mk/driver-kvm2";
import qemu from "@mk/driver-qemu";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { normalizeArgv, unmark } from "../src/argv.js";
import { declare } from "../src/cli.js";
import { namedDriver, takeDriverFlags } from "../src/driver-flags.js";
import { passedThrough } from "../src/flags.js";
import { parseStartFlags } from "../src/parse-start.js";

// Every example in help, README and documentation is taken apart by a real shell in which `mk` only says what it was given, and that is
// then parsed and proved as mk would do it, up to the work itself.
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const drivers: readonly Driver[] = [docker, hyperkit, kvm2, qemu];

function declared(): readonly (readonly [place: string, line: string])[] {
  return declare(() => {}).commands.flatMap(({ name, examples }) =>
    examples.map((example) => [`mk ${name.replace(":", " ")} --help`, String(example)] as const),
  );
}

function documented(): readonly (readonly [place: string, line: string])[] {
  const pages = [
    "README.md",
    ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`),
    ...readdirSync(join(root, "packages")).map((folder) => `packages/${folder}/README.md`),
    ...readdirSync(join(root, "examples")).map((folder) => `examples/${folder}/README.md`),
  ].filter((page) => page.endsWith(".md") && page !== "docs/cli.md");
  return pages.flatMap((page) => codeLines(page).map((line) => [page, line] as const));
}

/** Lines of code blocks, indented or fenced as shell, that call mk. */
function codeLines(page: string): readonly string[] {
  let fenced: string | undefined;
  let text: string;
  try {
    text = readFileSync(join(root, page), "utf8");
  } catch {
    return [];
  }
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const fence = /^```(\w*)/.exec(line);
    if (fence !== null) fenced = fenced === undefined ? fence[1] : undefined;
    else if (fenced === undefined ? line.startsWith("    ") : ["sh", "bash"].includes(fenced)) lines.push(line.trim());
  }
  // Where a shell would run it, not within a text.
  return lines.filter((line) => /(?:^|[(;&|] ?|^[A-Z_]+=\S+ )mk [a-z-]/.test(line));
}

let place: TemporaryDirectory;

beforeAll(async () => {
  place = await temporaryDirectory();
  await mkdir(place.join("bin"));
  // What a user of SSH has.
  await mkdir(place.join(".ssh"));
  await writeFile(
    place.join("bin", "mk"),
    `#!/bin/bash\nprintf '%s\\0' "$@" >> "$RECORD"\nprintf '\\n' >> "$RECORD"\n`,
  );
  await chmod(place.join("bin", "mk"), 0o755);
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

/** What each `mk` of a line is given. Nothing else is on PATH, so nothing else runs. */
async function calls(line: string): Promise<readonly (readonly string[])[]> {
  const record = place.join("record");
  await writeFile(record, "");
  try {
    execFileSync("/bin/bash", ["-c", line], {
      cwd: place.path,
      env: { PATH: place.join("bin"), RECORD: record, HOME: place.path },
      stdio: "ignore",
    });
  } catch {
    // docker, npm and ssh are not there.
  }
  const recorded = (await readFile(record, "utf8")).split("\n").slice(0, -1);
  return recorded.map((call) => call.split("\0").slice(0, -1));
}

/** As main does it, without the work. */
async function prove(argv: readonly string[]): Promise<void> {
  let seen: { args: readonly (string | undefined)[]; flags: Record<string, unknown> } | undefined;
  const cli = declare((_, args, flags) => {
    seen = {
      args: args.map((arg) => unmark(arg) as string | undefined),
      flags: Object.fromEntries(Object.entries(flags).map(([name, value]) => [name, unmark(value)])),
    };
  });
  const own = drivers.find(({ name }) => argv.some((word) => word.startsWith(`--${name}-`)));
  const rest = own === undefined ? withoutFlagsOf(namedDriver(argv), argv) : takeDriverFlags(argv, own).rest;
  const { command, argv: normalized, wants } = normalizeArgv(cli, rest);
  if (wants !== undefined) return;
  cli.parse(["node", "mk", ...normalized], { run: false });
  await cli.runMatchedCommand();
  const { args = [], flags = {} } = seen ?? {};
  if (command?.name === "start") parseStartFlags(flags, "/");
  // The machine gets words, not a line for its shell.
  if (command?.name === "ssh") expect(passedThrough(flags)).not.toEqual([expect.stringContaining(" ")]);
  if (command?.name === "config:set") proveSetting(args[0] ?? "", args[1] ?? "");
}

/** What flags a driver of somebody else's has is not known here. */
function withoutFlagsOf(driver: string | undefined, argv: readonly string[]): readonly string[] {
  const isFlag = (word: string) => word.startsWith(`--${driver}-`);
  return argv.filter((word, at) => !isFlag(word) && !(isFlag(argv[at - 1] ?? "") && !argv[at - 1]?.includes("=")));
}

function proveSetting(name: string, value: string): void {
  const setting = driverSetting(name);
  if (setting === undefined) {
    settingOf(name).parse(value, name);
    return;
  }
  const driver = drivers.find((candidate) => candidate.name === setting.driver);
  const option = driver && namedOptions(driver).find((candidate) => candidate.setting === name);
  if (option === undefined) throw new Error(`there is no setting ${name}`);
  parseOption(option.spec, value, name);
}

describe.runIf(process.platform === "linux")("examples are what mk takes", () => {
  it.each([...declared(), ...documented()])("in %s: %s", async (_, line) => {
    const given = await calls(line);
    expect(given.length).toBeGreaterThan(0);
    for (const argv of given) await prove(argv);
  });
});
