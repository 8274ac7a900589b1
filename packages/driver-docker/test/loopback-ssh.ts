import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { generateSshKeyPair, knownHostsLine } from "@mk/core";
import { startSshd } from "@mk/testing";

/** A host reached by SSH that is this computer: an OpenSSH server of the test's own, and the `ssh` that knows it. */
export interface LoopbackSsh extends AsyncDisposable {
  /** Its name in the configuration of {@link LoopbackSsh.path}'s `ssh`, and nowhere else. */
  readonly name: "engine-host";
  /** Begins with a directory whose `ssh` is the real one with that configuration. */
  readonly path: string;
}

export async function loopbackSsh(): Promise<LoopbackSsh> {
  const [user, host] = await Promise.all([generateSshKeyPair("user"), generateSshKeyPair("host")]);
  const sshd = await startSshd({
    hostKey: host.privateKey,
    authorizedKey: user.publicKey,
    // Where docker is for whoever runs the test.
    config: [`SetEnv SHLVL=1 PATH=${process.env.PATH}`],
  });
  const { directory, port } = sshd;
  const file = (name: string, lines: readonly string[], mode = 0o600): Promise<void> =>
    writeFile(directory.join(name), `${lines.join("\n")}\n`, { mode });
  await mkdir(directory.join("bin"));
  await Promise.all([
    file("id_ed25519", [user.privateKey]),
    file("known_hosts", [knownHostsLine(`[127.0.0.1]:${port}`, host.publicKey)]),
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
  return {
    name: "engine-host",
    path: `${directory.join("bin")}:${process.env.PATH}`,
    async [Symbol.asyncDispose]() {
      const last = spawn(directory.join("bin/ssh"), ["-O", "exit", "engine-host"], { stdio: "ignore" });
      await once(last, "exit");
      await sshd[Symbol.asyncDispose]();
    },
  };
}
