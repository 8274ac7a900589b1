import { spawn } from "node:child_process";

export interface ToolResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface ToolOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Resolve whatever the exit code is. */
  readonly allowFailure?: boolean;
}

/** Runs a program with exactly this environment; rejects with all it said when it fails. */
export async function runTool(
  file: string,
  args: readonly string[],
  { cwd, env, signal, allowFailure = false }: ToolOptions,
): Promise<ToolResult> {
  const child = spawn(file, args, {
    cwd,
    env: { ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal && { signal }),
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 128));
  });
  if (exitCode !== 0 && !allowFailure)
    throw new Error(`${file} ${args.join(" ")} ended with ${exitCode}\n${stdout}\n${stderr}`);
  return { stdout, stderr, exitCode };
}
