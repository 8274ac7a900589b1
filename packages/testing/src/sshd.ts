import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { freePort } from "./free-port.js";
import { type TemporaryDirectory, temporaryDirectory } from "./temporary-directory.js";
import { findSshd } from "./tool.js";
import { until } from "./until.js";

export interface SshdInit {
  /** In OpenSSH's formats. */
  readonly hostKey: string;
  readonly authorizedKey: string;
  /** More lines of sshd_config: what they set holds. */
  readonly config?: readonly string[];
}

/** An OpenSSH server on loopback and its directory, where a test may have files of its own; both are gone when it is disposed. */
export interface TestSshd extends AsyncDisposable {
  readonly port: number;
  readonly directory: TemporaryDirectory;
}

/** Starts an OpenSSH server of the test's own that listens before this returns. */
export async function startSshd({ hostKey, authorizedKey, config = [] }: SshdInit): Promise<TestSshd> {
  const [path, port] = await Promise.all([findSshd(), freePort()]);
  if (path === undefined) throw new Error("sshd is not installed");
  const directory = await temporaryDirectory("mk-sshd-");
  const file = (name: string, lines: readonly string[]): Promise<void> =>
    writeFile(directory.join(name), `${lines.join("\n")}\n`, { mode: 0o600 });
  await Promise.all([
    file("host_key", [hostKey]),
    file("authorized_keys", [authorizedKey]),
    file("sshd_config", [
      // Of two lines that set the same, the first one holds.
      ...config,
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${directory.join("host_key")}`,
      `AuthorizedKeysFile ${directory.join("authorized_keys")}`,
      "PidFile none",
      "PermitRootLogin yes",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "UsePAM no",
      // The directory is below /tmp, which others may write to.
      "StrictModes no",
      // bash reads the user's .bashrc for a command over SSH, unless it is not the first shell: it may take a second.
      "SetEnv SHLVL=1",
    ]),
  ]);
  // Debian's sshd insists on it when it is started by root; elsewhere an init script makes it.
  if (process.geteuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const server = spawn(path, ["-D", "-e", "-f", directory.join("sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stop = async (): Promise<void> => {
    server.kill("SIGKILL");
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    await directory[Symbol.asyncDispose]();
  };
  try {
    await listens(server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, directory, [Symbol.asyncDispose]: stop };
}

async function listens(server: ChildProcess): Promise<void> {
  let log = "";
  server.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  await until("sshd listens", () => {
    if (server.exitCode !== null) throw new Error(`sshd ended: ${log}`);
    return log.includes("Server listening");
  });
}
