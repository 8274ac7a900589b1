import { MkError } from "@mk/core";
import { main } from "./main.js";
import { Output } from "./terminal/output.js";

/** 128 + the signal's number, as shells report a program that a signal ended. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs mk for this process: argv in, exit code out. The only place that reads `process` and ends it. */
export async function runProcess(): Promise<void> {
  const stdout = new Output(process.stdout);
  const stderr = new Output(process.stderr);
  const interrupt = new AbortController();
  let ended: keyof typeof SIGNAL_EXIT_CODES | undefined;
  for (const name of Object.keys(SIGNAL_EXIT_CODES) as (keyof typeof SIGNAL_EXIT_CODES)[]) {
    process.on(name, () => {
      // The first asks to stop, which lets the command undo what it began; the second means now.
      if (ended !== undefined) process.exit(SIGNAL_EXIT_CODES[name]);
      ended = name;
      interrupt.abort(new MkError("CANCELLED", "interrupted"));
    });
  }
  const exitCode = await main(process.argv.slice(2), {
    stdout,
    stderr,
    stdin: process.stdin,
    env: process.env,
    argv1: process.argv[1],
    signal: interrupt.signal,
  });
  // Explicit: a handle that some driver left open must not keep the terminal.
  process.exit(exitCode === 130 && ended !== undefined ? SIGNAL_EXIT_CODES[ended] : exitCode);
}
