import { spawn } from "node:child_process";
import { once } from "node:events";

/** Runs a program on the user's terminal and answers its exit code. Its output goes to standard error, so that results stay alone on standard output. */
export async function runAttached(
  file: string,
  args: readonly string[],
  options: {
    readonly signal: AbortSignal;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly cwd?: string;
  },
): Promise<number> {
  options.signal.throwIfAborted();
  const child = spawn(file, args, {
    stdio: ["inherit", 2, 2],
    env: { ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  // Ctrl-C reaches it from the terminal too; TERM is for signals that were sent to mk alone.
  const end = () => child.kill("SIGTERM");
  options.signal.addEventListener("abort", end, { once: true });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    options.signal.throwIfAborted();
    return code ?? 1;
  } finally {
    options.signal.removeEventListener("abort", end);
  }
}
