import { readFileSync, readlinkSync } from "node:fs";
import type { RunTool } from "./boot-id.js";

/** What the system knows of a live process. */
export interface ProcessFacts {
  readonly startTime: string;
  readonly executable: string;
}

/** Looks up a live process; undefined when there is none, or a zombie. */
export type ProcessLookup = (pid: number) => Promise<ProcessFacts | undefined>;

/** The lookup for a platform. `run` answers a program's standard output and throws when it fails. */
export function processLookup(platform: NodeJS.Platform, run: RunTool): ProcessLookup {
  switch (platform) {
    case "linux":
      return async (pid) => lookupLinux(pid);
    case "win32":
      return (pid) => lookupWindows(pid, run);
    default:
      return (pid) => lookupPs(pid, run);
  }
}

/**
 * From /proc/<pid>/stat, proc(5): field 3 is the state, field 22 the start time in clock ticks since boot. The name in field 2 may hold
 * blanks and parentheses, so counting starts after the last one. Synchronous, so that a child can be looked up before it is reaped.
 */
export function lookupLinux(pid: number, { zombies = false, proc = "/proc" } = {}): ProcessFacts | undefined {
  let stat: string;
  try {
    stat = readFileSync(`${proc}/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  const startTime = fields[19];
  // A killed process is a zombie once its first thread has ended. Another may still be within a system call, such as the unlink of a lock:
  // only with the last thread (field 20) is it gone.
  const ended = (state === "Z" || state === "X") && Number(fields[17]) <= 1;
  if (startTime === undefined || (ended && !zombies)) return undefined;
  return { startTime, executable: linuxExecutable(`${proc}/${pid}/exe`, stat) };
}

function linuxExecutable(link: string, stat: string): string {
  try {
    // The kernel says so of a binary that was upgraded while it runs; the process is the same.
    return readlinkSync(link).replace(/ \(deleted\)$/, "");
  } catch {
    // Another user's process does not show its executable, a zombie has none: its name must do.
    return `[${stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"))}]`;
  }
}

/** `ps` of macOS and the BSDs: `lstart` has 24 characters, whole seconds; `comm` is the path of the executable. */
async function lookupPs(pid: number, run: RunTool): Promise<ProcessFacts | undefined> {
  let line: string;
  try {
    line = await run("ps", ["-p", String(pid), "-o", "stat=", "-o", "lstart=", "-o", "comm="]);
  } catch {
    return undefined;
  }
  const match = /^\s*(\S+)\s+(\w{3} +\w{3} +\d+ +[\d:]+ +\d{4})\s+(.+?)\s*$/.exec(line);
  if (match === null) return undefined;
  const [, state = "", startTime = "", executable = ""] = match;
  return state.startsWith("Z") ? undefined : { startTime: startTime.replace(/ +/g, " "), executable };
}

/** Best effort: PowerShell, whose processes know their start in 100 ns units. */
async function lookupWindows(pid: number, run: RunTool): Promise<ProcessFacts | undefined> {
  // `pid` is an integer, checked by the caller: nothing of the command line comes from elsewhere.
  const script = `$p = Get-Process -Id ${pid} -ErrorAction Stop; '{0} {1}' -f $p.StartTime.ToFileTimeUtc(), $p.Path`;
  let line: string;
  try {
    line = await run("powershell", ["-NoProfile", "-NonInteractive", "-Command", script]);
  } catch {
    return undefined;
  }
  const match = /^(\d+) (.*)$/.exec(line.trim());
  return match === null ? undefined : { startTime: match[1] ?? "", executable: match[2] ?? "" };
}
