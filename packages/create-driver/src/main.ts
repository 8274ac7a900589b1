import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkAnswers, driverNameOf, InvalidAnswerError } from "./answers.js";
import { ask, CancelledError } from "./ask.js";
import { createDriver } from "./create-driver.js";

const USAGE = `npm create @mk/driver [directory] -- [flags]

  --name NAME        the driver's name, as in mk start --driver=NAME (default: from the directory)
  --package NAME     the npm package (default: mk-driver-NAME)
  --summary TEXT     what it runs, in one line (default: machines of NAME)
  --os LIST          linux,darwin,win32 (default: linux,darwin)
  --author TEXT      for package.json
  -y, --yes          ask nothing
  -h, --help`;

/** Runs the command; resolves with its exit code. Asks on a terminal for what the flags leave open. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        name: { type: "string" },
        package: { type: "string" },
        summary: { type: "string" },
        os: { type: "string" },
        author: { type: "string" },
        yes: { type: "boolean", short: "y" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) {
      process.stdout.write(`${USAGE}\n`);
      return 0;
    }
    if (positionals.length > 1) throw new InvalidAnswerError(`one directory at most, not ${positionals.join(" ")}`);
    const given = {
      directory: positionals[0],
      driver: values.name ?? (positionals[0] === undefined ? undefined : driverNameOf(positionals[0])),
      packageName: values.package,
      summary: values.summary,
      os: values.os?.split(",").map((name) => name.trim()),
      author: values.author,
    };
    const interactive = !values.yes && process.stdin.isTTY === true && process.stdout.isTTY === true && !process.env.CI;
    const { directory, ...answers } = interactive ? await ask(given) : given;
    if (answers.driver === undefined)
      throw new InvalidAnswerError("name the driver: npm create @mk/driver mk-driver-NAME");
    const defined = Object.fromEntries(Object.entries(answers).filter(([, value]) => value !== undefined));
    const checked = checkAnswers({ ...defined, driver: answers.driver });
    const target = resolve(directory ?? `mk-driver-${checked.driver}`);
    const files = await createDriver(target, checked);
    const place = relative(process.cwd(), target);
    const next = [
      ...(place === "" ? [] : [`cd ${/^[\w@%+=:,./\\-]+$/.test(place) ? place : `"${place}"`}`]),
      "npm install",
      "npm test                 # builds, then the driver contract",
      `mk driver add . && mk start --driver=${checked.driver}`,
    ];
    process.stdout.write(
      `${checked.packageName} is in ${place || "this directory"}: ${files.length} files.\n\nNext:\n${next.map((line) => `  ${line}\n`).join("")}`,
    );
    return 0;
  } catch (error) {
    // As a program that Ctrl-C ended; the prompt has said that nothing was written.
    if (error instanceof CancelledError) return 130;
    if (isUsage(error)) {
      process.stderr.write(`${error.message}\n\n${USAGE}\n`);
      return 2;
    }
    if (!isOfSystem(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

function isUsage(error: unknown): error is Error {
  return (
    error instanceof InvalidAnswerError ||
    (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"))
  );
}

/** What the file system has to say: no right to write, no space. Anything else is a mistake of ours, and wants its stack. */
function isOfSystem(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error;
}
