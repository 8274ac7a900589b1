import { ERROR_CODES, MkError, messageOf } from "@mk/core";
import { normalizeArgv, unmark } from "./argv.js";
import { declare, type Invoke } from "./cli.js";
import { createContext, type ProcessInput } from "./create-context.js";
import { NO_DRIVER_FLAGS } from "./driver-flags.js";
import { text } from "./flags.js";
import { renderError } from "./render/error.js";
import { resolveDriverFlags } from "./resolve-driver-flags.js";
import { detectShell } from "./shell-environment.js";
import { createPalette, wantsColors } from "./terminal/palette.js";
import { version } from "./version.js";

/** Runs one command and answers the exit code of the process. The only place where an error becomes an exit code. */
export async function main(argv: readonly string[], input: ProcessInput): Promise<number> {
  // Guessed until argv is understood, since a mistake in argv must be told in the right form too.
  let json = wantsJson(argv);
  const palette = createPalette(wantsColors(input.stderr.isTerminal, input.env, !argv.includes("--no-color")));
  const report = (error: unknown): number => {
    const failure = asMkError(error);
    // Ctrl-C is the user's own doing and needs no message.
    if (failure.code !== "CANCELLED") input.stderr.write(renderError(failure, { json, palette, env: input.env }));
    return exitCodeOf(failure);
  };
  let exitCode: number;
  try {
    exitCode = await run(argv, input, (flags) => {
      json = text(flags, "output") === "json";
    });
  } catch (error) {
    exitCode = report(error);
  }
  try {
    await input.stdout.flush();
  } catch (error) {
    // The command's own failure says more than that its output was lost.
    if (exitCode === 0) exitCode = report(error);
  }
  await input.stderr.flush().catch(() => {});
  return exitCode;
}

async function run(
  argv: readonly string[],
  input: ProcessInput,
  onFlags: (flags: Record<string, unknown>) => void,
): Promise<number> {
  const invoke: Invoke = async (load, args, flags) => {
    onFlags(flags);
    await using context = await createContext(input, driverFlags.flags, flags);
    const given = args.filter((arg): arg is string => arg !== undefined).map((arg) => unmark(arg) as string);
    return await (await load())(context, given, flags);
  };
  const cli = declare(async (load, args, marked) =>
    invoke(load, args, Object.fromEntries(Object.entries(marked).map(([name, value]) => [name, unmark(value)]))),
  );
  if (argv[0] === "__complete") {
    // Hidden: called by completion scripts, whose words must not be parsed as flags.
    const { complete } = await import("./completion/complete.js");
    await using context = await createContext(input, NO_DRIVER_FLAGS, {});
    await complete(context, argv[1] === "--" ? argv.slice(2) : argv.slice(1));
    return 0;
  }
  const driverFlags = await resolveDriverFlags(cli, argv, input);
  const {
    command,
    words,
    argv: normalized,
    wants,
  } = normalizeArgv(cli, driverFlags.argv, detectShell(input.env, process.platform));
  if (wants === "version") {
    input.stdout.line(version);
    return 0;
  }
  if (wants === "help" || command === undefined) {
    const { commandHelp, groupHelp, generalHelp } = await import("./help-text.js");
    const width = input.stdout.lineWidth;
    if (command !== undefined) input.stdout.line(commandHelp(command, cli, { driver: driverFlags.driver, width }));
    else input.stdout.line(words === "" ? generalHelp(cli, width) : groupHelp(cli, words, width));
    // `mk driver` alone is a question half asked, not a success.
    return wants === "help" || words === "" ? 0 : ERROR_CODES.UNKNOWN_COMMAND.exitCode;
  }
  cli.parse(["node", "mk", ...normalized], { run: false });
  const exitCode: unknown = await cli.runMatchedCommand();
  return typeof exitCode === "number" ? exitCode : 0;
}

/** A driver with a newer core than ours may throw a code that ours does not know. */
function exitCodeOf({ code }: MkError): number {
  return (Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code] : ERROR_CODES.DRIVER_FAILED).exitCode;
}

function asMkError(error: unknown): MkError {
  if (MkError.is(error)) return error;
  const message = messageOf(error);
  if (error instanceof Error && error.name === "CACError") {
    return new MkError("INVALID_ARGUMENT", message, { hint: "See: mk --help", cause: error });
  }
  return new MkError("INTERNAL", message, {
    hint: "Report this with the output of the same command under MK_DEBUG=1.",
    cause: error,
  });
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const own = end < 0 ? argv : argv.slice(0, end);
  return own.some(
    (token, at) =>
      token === "--output=json" ||
      token === "-ojson" ||
      token === "-o=json" ||
      (token === "json" && (own[at - 1] === "--output" || own[at - 1] === "-o")),
  );
}
