import { MkError } from "@mk/core";
import { describe, expect, it } from "vitest";
import { normalizeArgv, unmark } from "./argv.js";
import { declare } from "./cli.js";
import type { Shell } from "./shell-environment.js";

interface Given {
  readonly args: readonly unknown[];
  readonly flags: Record<string, unknown>;
}

/** What a command would be given for these words: argv through our reading and cac's parser. */
async function parse(...argv: readonly string[]): Promise<Given> {
  let given: Given | undefined;
  const cli = declare((_, args, flags) => {
    given = { args: args.filter((arg) => arg !== undefined).map(unmark), flags };
  });
  const { argv: normalized } = normalizeArgv(cli, argv);
  cli.parse(["node", "mk", ...normalized], { run: false });
  await cli.runMatchedCommand();
  if (given === undefined) throw new Error("no command ran");
  const flags = Object.entries(given.flags).map(([name, value]) => [name, unmark(value)] as const);
  return { args: given.args, flags: Object.fromEntries(flags.filter(([name]) => name.length > 1)) };
}

function errorOf(argv: readonly string[], shell?: Shell): { code: string; message: string; hint: string | undefined } {
  try {
    normalizeArgv(
      declare(() => {}),
      argv,
      shell,
    );
  } catch (error) {
    if (MkError.is(error)) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error(`${argv.join(" ")} was taken`);
}

describe("argv reaches commands as it was typed", () => {
  it.each<[string, readonly string[], readonly unknown[], Record<string, unknown>]>([
    ["numbers with leading zeros", ["start", "-p", "007"], [], { profile: "007" }],
    ["numbers with trailing zeros", ["start", "--memory", "1.30"], [], { memory: "1.30" }],
    ["exponents", ["start", "--memory=1e9"], [], { memory: "1e9" }],
    ["hexadecimal", ["start", "--cpus", "0x10"], [], { cpus: "0x10" }],
    ["negative numbers", ["start", "--memory", "-1"], [], { memory: "-1" }],
    ["positionals that look like numbers", ["start", "007"], ["007"], {}],
    ["empty values", ["start", "--driver="], [], { driver: "" }],
    ["empty positionals", ["start", ""], [""], {}],
    ["values that contain =", ["start", "--image=a=b=c"], [], { image: "a=b=c" }],
    ["values that contain line breaks", ["start", "--image=a\nb"], [], { image: "a\nb" }],
    ["true and false as names", ["start", "true", "-p", "false"], ["true"], { profile: "false" }],
    ["short flags with their value behind them", ["start", "-p007", "-dqemu"], [], { profile: "007", driver: "qemu" }],
    ["short flags with =", ["start", "-p=x"], [], { profile: "x" }],
    ["switches of two words", ["start", "--dry-run", "x"], ["x"], { dryRun: true }],
    ["switches in a row", ["delete", "-aq"], [], { all: true, quiet: true }],
    ["a switch before a positional", ["stop", "--force", "5"], ["5"], { force: true }],
    ["flags before the command", ["-p", "x", "--quiet", "stop"], [], { profile: "x", quiet: true }],
    ["the last of a repeated flag", ["start", "--cpus", "1", "--cpus", "2"], [], { cpus: "2" }],
    ["all of a list", ["start", "--mount", "a:/a", "--mount=b:/b"], [], { mount: ["a:/a", "b:/b"] }],
    ["one of a list", ["start", "-P", "8080"], [], { port: ["8080"] }],
    ["negated switches", ["list", "--no-color"], [], { color: false }],
    ["subcommands", ["driver", "list", "-o", "json"], [], { output: "json" }],
    ["aliases of subcommands", ["driver", "rm", "qemu", "7"], ["qemu", "7"], {}],
    ["dots in values", ["config", "set", "qemu.accelerator", "0.10"], ["qemu.accelerator", "0.10"], {}],
    ["dashes behind --", ["start", "--", "-x"], ["-x"], {}],
    ["several sources and a target", ["cp", "-r", "a", "7", "x:/y"], ["a", "7", "x:/y"], { recursive: true }],
    ["a lone dash", ["cp", "-", "x:/y"], ["-", "x:/y"], {}],
  ])("%s", async (_, argv, args, flags) => {
    const given = await parse(...argv);
    const { "--": passed, color, ...rest } = given.flags;
    expect(given.args).toEqual(args);
    expect({ ...rest, ...(color === false && { color }) }).toEqual(flags);
    expect(passed ?? []).toEqual([]);
  });

  it("hands on what stands behind -- to a program in the machine", async () => {
    const { args, flags } = await parse("ssh", "demo", "-q", "--", "ls", "-la", "--quiet", "007", "--", "x");
    expect(args).toEqual(["demo"]);
    expect(flags).toMatchObject({ quiet: true, "--": ["ls", "-la", "--quiet", "007", "--", "x"] });
  });
});

describe("argv that is wrong", () => {
  it.each<[readonly string[], string, string | RegExp]>([
    [["strat"], "UNKNOWN_COMMAND", "Did you mean: mk start"],
    [["driver", "lst"], "UNKNOWN_COMMAND", "Did you mean: mk driver list"],
    [["driver:list"], "UNKNOWN_COMMAND", /mk/],
    [["toString"], "UNKNOWN_COMMAND", /mk --help/],
    [["start", "--memry", "2g"], "UNKNOWN_COMMAND", "Did you mean: --memory"],
    [["start", "--diskSize", "2g"], "UNKNOWN_COMMAND", "Did you mean: --disk-size"],
    [["start", "--disk-sise=2g"], "UNKNOWN_COMMAND", "Did you mean: --disk-size"],
    [["start", "--colour"], "UNKNOWN_COMMAND", "Did you mean: --no-color"],
    [["start", "--no-colour"], "UNKNOWN_COMMAND", "Did you mean: --no-color"],
    [["image", "lis"], "UNKNOWN_COMMAND", "Did you mean: mk image list"],
    [["start", "-x"], "UNKNOWN_COMMAND", "See: mk start --help"],
    [["start", "--__proto__", "x"], "UNKNOWN_COMMAND", /./],
    [["stop", "--cpus", "2"], "UNKNOWN_COMMAND", /./],
    [["start", "--no-memory"], "UNKNOWN_COMMAND", /./],
    [["--frce", "stop"], "UNKNOWN_COMMAND", /./],
    [["start", "--memory"], "INVALID_ARGUMENT", "Write --memory=<size>"],
    [["start", "--memory", "--"], "INVALID_ARGUMENT", /--memory/],
    [["start", "-p"], "INVALID_ARGUMENT", /--profile/],
    [["stop", "--force=maybe"], "INVALID_ARGUMENT", "Write --force alone."],
    [["start", "a", "b"], "INVALID_ARGUMENT", "See: mk start --help"],
    [["cp", "a"], "INVALID_ARGUMENT", "See: mk cp --help"],
    [["config", "set", "cpus"], "INVALID_ARGUMENT", /config set --help/],
    [
      ["ssh", "demo", "uname", "x"],
      "INVALID_ARGUMENT",
      "Put what the machine runs behind --: mk ssh [name] -- <command>",
    ],
  ])("%j is %s", (argv, code, hint) => {
    expect(errorOf(argv)).toMatchObject({ code, hint: hint instanceof RegExp ? expect.stringMatching(hint) : hint });
  });

  it("says to PowerShell, which keeps bare dashes for itself, to quote them", () => {
    for (const argv of [
      ["ssh", "uname", "-a"],
      ["ssh", "cat", "/etc/hosts"],
    ]) {
      expect(errorOf(argv, "powershell").hint).toContain('mk ssh [name] "--" <command>');
    }
  });
});

describe("help", () => {
  it("is recognised anywhere before --, and needs no arguments", () => {
    const cli = declare(() => {});
    for (const argv of [
      ["cp", "--help"],
      ["--help", "cp"],
      ["cp", "-h"],
      ["ssh", "-h", "--", "x"],
    ]) {
      expect(normalizeArgv(cli, argv).wants).toBe("help");
    }
    expect(normalizeArgv(cli, ["ssh", "--", "--help"]).wants).toBeUndefined();
    expect(normalizeArgv(cli, ["driver", "--help"])).toMatchObject({
      command: undefined,
      words: "driver",
      wants: "help",
    });
    expect(normalizeArgv(cli, [])).toMatchObject({ command: undefined, words: "", wants: undefined });
  });
});
