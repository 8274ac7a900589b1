import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { exitStatus } from "./exit-status.js";
import { killGroup } from "./kill-group.js";
import { OutputBuffer } from "./output-buffer.js";
import { commandFailed, type RunContext } from "./run.js";
import { spawnError } from "./spawn-error.js";

const STDERR_BYTES = 64 * 1024;

/** Starts the program at this absolute path; its standard input and output are the connection. The signal counts until it has started. */
export function connectProgram(
  file: string,
  args: readonly string[],
  signal: AbortSignal,
  { platform, env }: RunContext,
): Promise<Duplex> {
  signal.throwIfAborted();
  // A session of its own: the terminal's Ctrl-C does not reach it, and it can be ended with its children.
  const child = spawn(file, args, {
    stdio: "pipe",
    env: { ...env },
    detached: platform !== "win32",
    windowsHide: true,
  });
  const { stdin, stdout, stderr } = child;
  const connection = new Duplex({
    read: () => void stdout.resume(),
    // A program that ends early breaks its pipe: why is told by its exit code, not by the pipe.
    write: (chunk, encoding, done) => void stdin.write(chunk, encoding, () => done()),
    final: (done) => void stdin.end(() => done()),
    destroy(error, done) {
      // What it leaves behind when it ends by itself is meant to stay: ssh's shared connection (ControlPersist).
      if (child.exitCode === null && child.signalCode === null) killGroup(child, "SIGTERM", platform);
      done(error);
    },
  });
  // Read at once: Node drops the output of a child that has ended and that nobody reads.
  stdout.on("data", (chunk: Buffer) => {
    if (!connection.push(chunk)) stdout.pause();
  });
  const complaints = new OutputBuffer(STDERR_BYTES);
  stderr.on("data", (chunk: Buffer) => complaints.add(chunk));
  stdin.on("error", () => undefined);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(spawnError(error, file, undefined)));
    child.once("spawn", () => {
      if (!signal.aborted) return resolve(connection);
      connection.destroy();
      reject(signal.reason);
    });
    // The end of the output is passed on only here, so that a failure is not taken for it.
    child.once("close", (code, by) => {
      const exitCode = exitStatus(code, by);
      if (exitCode === 0) connection.push(null);
      else connection.destroy(commandFailed(file, { exitCode, stderr: complaints.text() }));
    });
  });
}
