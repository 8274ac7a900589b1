import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";

const here = dirname(fileURLToPath(import.meta.url));

/** The built command: what users run. */
export const BIN = join(here, "..", "dist", "bin.js");
/** A driver package without a hypervisor. */
export const FAKE_DRIVER = join(here, "fake-driver");

// Each test starts processes, one after the other, on a computer that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

if (!existsSync(BIN)) throw new Error(`${BIN} is not built: run pnpm build first`);

export interface MkOptions {
  readonly home: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  readonly cwd?: string;
  /** Default: the fake driver alone is found. */
  readonly driverPath?: string;
}

export interface MkResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

/**
 * Starts mk with an environment of its own: nothing of the tester's settings reaches it. The fake driver is the default one, since those
 * of the workspace are found too and would make real machines.
 */
export function startMk(args: readonly string[], { home, env = {}, cwd, driverPath = FAKE_DRIVER }: MkOptions) {
  return spawn(process.execPath, [BIN, ...args], {
    cwd: cwd ?? dirname(home),
    env: {
      HOME: dirname(home),
      PATH: "/usr/bin:/bin",
      MK_HOME: home,
      MK_DRIVER: "fake",
      MK_DRIVER_PATH: driverPath,
      ...env,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

export async function mk(args: readonly string[], options: MkOptions): Promise<MkResult> {
  const child = startMk(args, options);
  // A command that does not read its input may be gone before it is written.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, "close")]);
  return { stdout, stderr, exitCode: child.exitCode };
}

export async function textOf(stream: Readable): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) text += chunk;
  return text;
}

/** Resolves when the stream has written a text that matches; rejects when it ends before. */
export async function written(stream: Readable, pattern: RegExp): Promise<string> {
  let text = "";
  return await new Promise((resolve, reject) => {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      text += chunk;
      if (pattern.test(text)) resolve(text);
    });
    stream.on("end", () => reject(new Error(`ended without ${pattern}: ${text}`)));
  });
}
