import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** A program's standard output, or undefined when it is not installed, fails, or takes longer than this. */
export async function outputOf(file: string, args: readonly string[], timeoutMs = 20_000): Promise<string | undefined> {
  try {
    const { stdout } = await execute(file, args, { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } catch {
    return undefined;
  }
}
