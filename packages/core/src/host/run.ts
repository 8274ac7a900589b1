import { type ChildProcess, spawn } from "node:child_process";
import { basename } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CommandResult, RunOptions } from "../contract/host.js";
import { MkError } from "../errors.js";
import { exitStatus } from "./exit-status.js";
import { groupGone, killGroup } from "./kill-group.js";
import { OutputBuffer } from "./output-buffer.js";
import { spawnError } from "./spawn-error.js";

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** What a program may take to clean up after TERM before it gets KILL. */
const TERM_GRACE_MS = 2_000;
/** Of stderr in an error's details. */
const TAIL_CHARACTERS = 4_096;
/** More than a pipe can hold (1 MiB by default at most, pipe(7)): what comes later is not the program's. */
const PIPE_BYTES = 1024 * 1024;

export interface RunContext {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs the program at this absolute path to its end. The program leads a process group, so that abort ends its children too: TERM, then
 * KILL; the promise rejects with the signal's reason once they are gone.
 */
export async function run(
  file: string,
  args: readonly string[],
  options: RunOptions,
  { platform, env }: RunContext,
): Promise<CommandResult> {
  const { signal, input, cwd, allowFailure = false, maxBytes = MAX_OUTPUT_BYTES } = options;
  signal?.throwIfAborted();
  const child = spawn(file, args, {
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: { ...(options.env ?? env) },
    cwd,
    // A session of its own: the group can be signalled as one, and the terminal's Ctrl-C arrives once, through `signal`.
    detached: platform !== "win32",
    windowsHide: true,
  });
  const stdout = new OutputBuffer(maxBytes);
  const stderr = new OutputBuffer(maxBytes);
  const activity = { bytes: 0 };
  for (const [stream, buffer] of [
    [child.stdout, stdout],
    [child.stderr, stderr],
  ] as const) {
    stream?.on("data", (chunk: Buffer) => {
      activity.bytes += chunk.byteLength;
      buffer.add(chunk);
    });
  }
  // A program may end without reading its input; its exit code tells whether it minded.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);

  const abort = killOnAbort(child, signal, platform);
  let exitCode: number;
  try {
    exitCode = await exitCodeOf(child, file, cwd);
    await drained(child, activity);
  } finally {
    abort.dispose();
  }
  if (signal?.aborted === true) {
    await groupGone(child, platform);
    throw signal.reason;
  }
  const result = { stdout: stdout.text(), stderr: stderr.text(), exitCode };
  if (exitCode !== 0 && !allowFailure) throw commandFailed(file, result);
  return result;
}

function exitCodeOf(child: ChildProcess, file: string, cwd: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      // Also emitted when a signal cannot be sent; the end of the process then still comes.
      if (child.pid === undefined) reject(spawnError(error, file, cwd));
    });
    child.once("exit", (code, signal) => resolve(exitStatus(code, signal)));
  });
}

/**
 * Reads what the program left in its pipes. They need not come to their end: a daemon that the program started may hold them open for
 * ever. But all of the program's own output is readable by now, so a turn of the event loop without data means that there is no more.
 */
async function drained(child: ChildProcess, activity: { readonly bytes: number }): Promise<void> {
  const limit = activity.bytes + 2 * PIPE_BYTES;
  const isOpen = (): boolean => !(child.stdout?.readableEnded !== false && child.stderr?.readableEnded !== false);
  for (let idleTurns = 0; isOpen() && idleTurns < 3 && activity.bytes < limit; ) {
    const before = activity.bytes;
    await nextTurn();
    idleTurns = activity.bytes === before ? idleTurns + 1 : 0;
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function killOnAbort(
  child: ChildProcess,
  signal: AbortSignal | undefined,
  platform: NodeJS.Platform,
): { dispose(): void } {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    killGroup(child, "SIGTERM", platform);
    timer = setTimeout(() => killGroup(child, "SIGKILL", platform), TERM_GRACE_MS);
    // The leader may be gone while a child of it ignores TERM. Its group's number cannot have been given to others in the same turn.
    child.once("exit", () => killGroup(child, "SIGKILL", platform));
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  return {
    dispose() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    },
  };
}

/** For a program that ended with an error. */
export function commandFailed(file: string, { exitCode, stderr }: Pick<CommandResult, "exitCode" | "stderr">): MkError {
  const tail = stderr.trimEnd().slice(-TAIL_CHARACTERS);
  const last = tail.slice(tail.lastIndexOf("\n") + 1).trim();
  // Arguments stay out: they may hold secrets.
  return new MkError("COMMAND_FAILED", `${basename(file)} ended with exit code ${exitCode}${last && `: ${last}`}`, {
    details: { file, exitCode, stderr: tail },
  });
}
