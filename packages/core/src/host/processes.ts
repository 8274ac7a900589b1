import { spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import type { DaemonOptions, HostProcess, Processes, ProcessIdentity } from "../contract/host.js";
import { MkError } from "../errors.js";
import { delay } from "./delay.js";
import { errnoOf, fileError } from "./file-error.js";
import { lookupLinux, type ProcessLookup } from "./process-table.js";
import { spawnError } from "./spawn-error.js";

/** Linux' PID_MAX_LIMIT; other systems stay below. */
const MAX_PID = 4_194_304;
const POLL_FIRST_MS = 5;
const POLL_MOST_MS = 200;

export interface ProcessesContext {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly lookup: ProcessLookup;
  bootId(): Promise<string>;
  /** The absolute path of a program; COMMAND_NOT_FOUND. */
  resolve(file: string): Promise<string>;
}

export function createProcesses({ platform, env, lookup, bootId, resolve }: ProcessesContext): Processes {
  /** Ends of the daemons that this process is the parent of, by pid. */
  const children = new Map<number, HostProcess>();

  async function identify(pid: number): Promise<ProcessIdentity | undefined> {
    if (!isPid(pid)) return undefined;
    const facts = await lookup(pid);
    return facts && { pid, bootId: await bootId(), ...facts };
  }

  async function isAlive(identity: ProcessIdentity): Promise<boolean> {
    const current = await identify(identity.pid);
    return current !== undefined && isSame(current, identity);
  }

  return {
    identify,
    isAlive,
    async spawnDaemon(file, args, options = {}) {
      const [path, boot] = await Promise.all([resolve(file), bootId()]);
      const daemon = await spawnDetached(path, args, options, { platform, env, lookup, boot });
      const { pid } = daemon.identity;
      children.set(pid, daemon);
      void daemon.exited.then(() => children.delete(pid));
      return daemon;
    },
    async signal(identity, signal) {
      if (!(await isAlive(identity))) return false;
      try {
        // Between the look and the signal lie microseconds, in which the whole range of pids would have to be used up: Node has no
        // pidfd_send_signal, which would leave none.
        process.kill(identity.pid, signal);
        return true;
      } catch (error) {
        if (errnoOf(error) === "ESRCH") return false;
        throw new MkError("PERMISSION_DENIED", `may not signal process ${identity.pid} (${identity.executable})`, {
          cause: error,
        });
      }
    },
    async waitGone(identity, signal) {
      signal.throwIfAborted();
      const child = children.get(identity.pid);
      if (child !== undefined && isSame(child.identity, identity)) return settled(child.exited, signal);
      // The end of a process that is not our child is no event to Node: pidfd and kqueue have one, but need native code.
      for (let ms = POLL_FIRST_MS; await isAlive(identity); ms = Math.min(ms * 2, POLL_MOST_MS)) {
        await delay(ms, signal);
      }
    },
  };
}

/** Records come from files that anyone may have damaged; to signal 0, -1 or 1 would hit every process of the user. */
function isPid(pid: unknown): pid is number {
  return typeof pid === "number" && Number.isInteger(pid) && pid > 1 && pid <= MAX_PID;
}

function isSame(current: ProcessIdentity, known: ProcessIdentity): boolean {
  // A process that is ending has lost its executable before its last system call is done: it still is the same.
  const executable = isNameOnly(current.executable) || current.executable === known.executable;
  return (
    executable && current.pid === known.pid && current.bootId === known.bootId && current.startTime === known.startTime
  );
}

/** Whether the system told no executable but the `[name]` of the process. */
function isNameOnly(executable: string): boolean {
  return executable.startsWith("[");
}

async function spawnDetached(
  path: string,
  args: readonly string[],
  { cwd, logFile, inherit = [], ...options }: DaemonOptions,
  context: Pick<ProcessesContext, "platform" | "env" | "lookup"> & { readonly boot: string },
): Promise<HostProcess> {
  const log = logFile === undefined ? undefined : openLog(logFile);
  try {
    const child = spawn(path, args, {
      cwd,
      env: { ...(options.env ?? context.env) },
      stdio: ["ignore", log ?? "ignore", log ?? "ignore", ...inherit],
      detached: true,
      windowsHide: true,
    });
    const { pid } = child;
    if (pid === undefined) {
      throw await new Promise((done) => child.once("error", (error) => done(spawnError(error, path, cwd))));
    }
    const exited = new Promise<Awaited<HostProcess["exited"]>>((done) => {
      child.once("exit", (exitCode, signal) => done({ exitCode, signal }));
    });
    // In the turn of the spawn, before Node can reap a program that ends at once: it has a start time to the last.
    const facts = context.platform === "linux" ? lookupLinux(pid, { zombies: true }) : await context.lookup(pid);
    return {
      // Without facts the program has ended already: no live process has an empty start time.
      identity: { pid, bootId: context.boot, startTime: "", executable: path, ...facts },
      exited,
      unref: () => child.unref(),
    };
  } finally {
    if (log !== undefined) closeSync(log);
  }
}

function openLog(path: string): number {
  try {
    // Not through a link that someone put in the log's place.
    return openSync(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0),
      0o600,
    );
  } catch (error) {
    throw fileError(error, "open", path);
  }
}

function settled(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    void promise.finally(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}
