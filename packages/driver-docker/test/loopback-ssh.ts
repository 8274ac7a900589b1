import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { generateSshKeyPair, knownHostsLine } from "@mk/core";
import { findSshd, temporaryDirectory, until } from "@mk/testing";

/** A host reached by SSH that is this computer: an OpenSSH server of the test's own, and the `ssh` that knows it. */
export interface LoopbackSsh extends AsyncDisposable {
  /** Its name in the configuration of {@link LoopbackSsh.path}'s `ssh`, and nowhere else. */
  readonly name: "engine-host";
  /** Begins with a directory whose `ssh` is the real one with that configuration. */
  readonly path: string;
}

export async function loopbackSsh(): Promise<LoopbackSsh> {
  const directory = await temporaryDirectory("mk-ssh-");
  const [user, host, sshd] = await Promise.all([generateSshKeyPair("user"), generateSshKeyPair("host"), findSshd()]);
  if (sshd === undefined) throw new Error("sshd is not installed");
  const port = await freePort();
  const file = (name: string, lines: readonly string[], mode = 0o600): Promise<void> =>
    writeFile(directory.join(name), `${lines.join("\n")}\n`, { mode });
  await mkdir(directory.join("bin"));
  await Promise.all([
    file("id_ed25519", [user.privateKey]),
    file("authorized_keys", [user.publicKey]),
    file("host_key", [host.privateKey]),
    file("known_hosts", [knownHostsLine(`[127.0.0.1]:${port}`, host.publicKey)]),
    file("sshd_config", [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${directory.join("host_key")}`,
      `AuthorizedKeysFile ${directory.join("authorized_keys")}`,
      "PermitRootLogin yes",
      "PasswordAuthentication no",
      "UsePAM no",
      "PidFile none",
      // The directory is below /tmp, which others may write to.
      "StrictModes no",
      // bash reads the user's .bashrc for a command over SSH, unless it is not the first shell: it may take a second.
      `SetEnv SHLVL=1 PATH=${process.env.PATH}`,
    ]),
    file("config", [
      "Host engine-host",
      "HostName 127.0.0.1",
      `Port ${port}`,
      `User ${userInfo().username}`,
      `IdentityFile ${directory.join("id_ed25519")}`,
      "IdentitiesOnly yes",
      "StrictHostKeyChecking yes",
      `UserKnownHostsFile ${directory.join("known_hosts")}`,
      // As the README advises: one connection for all calls.
      "ControlMaster auto",
      `ControlPath ${directory.join("%C")}`,
      "ControlPersist 30",
    ]),
    file("bin/ssh", ["#!/bin/sh", `exec /usr/bin/ssh -F ${directory.join("config")} "$@"`], 0o755),
  ]);
  // Debian's sshd insists on it when it is started by root; elsewhere an init script makes it.
  if (process.geteuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const server = spawn(sshd, ["-D", "-e", "-f", directory.join("sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  server.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const stop = async (): Promise<void> => {
    const last = spawn(directory.join("bin/ssh"), ["-O", "exit", "engine-host"], { stdio: "ignore" });
    await once(last, "exit");
    server.kill("SIGKILL");
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    await directory[Symbol.asyncDispose]();
  };
  try {
    await until("sshd listens", () => {
      if (server.exitCode !== null) throw new Error(`sshd ended: ${log}`);
      return log.includes("Server listening");
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: "engine-host",
    path: `${directory.join("bin")}:${process.env.PATH}`,
    [Symbol.asyncDispose]: stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("a listening server has no address");
  return address.port;
}
