import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { createNodeHost, generateSshKeyPair, hostKeyAlias, knownHostsLine, type MachineAccess } from "@mk/core";
import { findSshd, type TemporaryDirectory, temporaryDirectory, until } from "@mk/testing";

export interface PrivateSshd extends AsyncDisposable {
  readonly directory: TemporaryDirectory;
  readonly access: Extract<MachineAccess, { via: "ssh" }>;
  /** Lines for sshd_config are given at the start; this is the process that listens. */
  readonly process: ChildProcess;
}

/** An OpenSSH server of the test's own, on loopback, with keys made by mk: the directory is laid out as a machine's. */
export async function privateSshd(machine: string, config: readonly string[] = []): Promise<PrivateSshd> {
  const directory = await temporaryDirectory("mk-sshd-");
  const [user, host, path] = await Promise.all([generateSshKeyPair("user"), generateSshKeyPair("host"), findSshd()]);
  if (path === undefined) throw new Error("sshd is not installed");
  const port = await freePort();
  const file = (name: string, contents: string): Promise<void> =>
    writeFile(directory.join(name), contents, { mode: 0o600 });
  await Promise.all([
    file("id_ed25519", user.privateKey),
    file("authorized_keys", `${user.publicKey}\n`),
    file("host_key", host.privateKey),
    file("known_hosts", knownHostsLine(hostKeyAlias(machine), host.publicKey)),
    file(
      "sshd_config",
      [
        ...config,
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${directory.join("host_key")}`,
        `AuthorizedKeysFile ${directory.join("authorized_keys")}`,
        `PidFile ${directory.join("pid")}`,
        "PermitRootLogin yes",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "UsePAM no",
        // The directory is below /tmp, which others may write to.
        "StrictModes no",
        // bash reads the user's .bashrc for a command over SSH, unless it is not the first shell: it may take a second.
        "SetEnv SHLVL=1",
      ].join("\n"),
    ),
  ]);
  await chmod(directory.path, 0o700);
  // Debian's sshd insists on it when it is started by root; elsewhere an init script makes it.
  if (process.geteuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const child = spawn(path, ["-D", "-e", "-f", directory.join("sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    await directory[Symbol.asyncDispose]();
  };
  try {
    await until("sshd listens", () => {
      if (child.exitCode !== null) throw new Error(`sshd ended: ${log}`);
      return log.includes("Server listening");
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    directory,
    process: child,
    access: { via: "ssh", host: "127.0.0.1", port, user: userInfo().username, hostKey: "pinned" },
    [Symbol.asyncDispose]: stop,
  };
}

export const host = createNodeHost();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new TypeError("not a TCP server");
  return address.port;
}
