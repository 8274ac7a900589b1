import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { SerializedMkError } from "@mk/core";

export interface MkRun {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it printed; undefined when it was killed first. */
  readonly outcome: { readonly ok: true } | SerializedMkError | undefined;
  readonly stderr: string;
  /** Failpoints in the order they were hit, with the action taken. */
  readonly hits: readonly { readonly name: string; readonly action: string }[];
}

export interface MkRunInit {
  readonly program: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly failpoints?: string;
  /** Longer than any command may take: it ends by itself or that is the failure. */
  readonly deadlineMs?: number;
}

export async function runMk({
  program,
  args,
  logFile,
  failpoints = "",
  deadlineMs = 30_000,
}: MkRunInit): Promise<MkRun> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, MK_FAILPOINTS: failpoints, MK_FAILPOINTS_LOG: logFile },
    timeout: deadlineMs,
    killSignal: "SIGABRT",
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const [exitCode, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  const text = Buffer.concat(out).toString();
  const log = await readFile(logFile, "utf8").catch(() => "");
  return {
    exitCode,
    signal,
    outcome: text === "" ? undefined : JSON.parse(text),
    stderr: Buffer.concat(err).toString(),
    hits: log
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [name = "", action = ""] = line.split(" ");
        return { name, action };
      }),
  };
}
