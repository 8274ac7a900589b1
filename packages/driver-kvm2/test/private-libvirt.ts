import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createNodeHost, type Host } from "@mk/core";
import { type LibvirtPlace, temporaryDirectory } from "@mk/testing";

/**
 * A libvirt of the test's own beside the system's, which a test may therefore kill. Its processes have a first process that reaps them at
 * once, which libvirt waits for; that of a container often takes seconds.
 */
export interface PrivateLibvirt extends LibvirtPlace, AsyncDisposable {
  /** This computer, on which the private libvirt is the system's. */
  readonly host: Host;
  /** The arguments before a program that is to run where the private libvirt is the system's and its machines are reached. */
  readonly enter: readonly string[];
  /** Kills libvirtd, and only it, and resolves when a new one listens. */
  restart(): Promise<void>;
}

export async function privateLibvirt(): Promise<PrivateLibvirt> {
  const directory = await temporaryDirectory("mk-lv-");
  const script = fileURLToPath(new URL("private-libvirt.sh", import.meta.url));
  const shell = spawn(
    "unshare",
    ["--mount", "--net", "--pid", "--fork", "--mount-proc", "bash", script, directory.path],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const ended = once(shell, "exit");
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  async function up(): Promise<void> {
    if ((await lines.next()).done) throw new Error("the private libvirtd did not start");
  }
  await up();
  const host = createNodeHost({ home: directory.join("home") });
  const { network } = host;
  const children = await readFile(`/proc/${shell.pid}/task/${shell.pid}/children`, "utf8");
  return {
    uri: `qemu+unix:///system?socket=${directory.join("run", "libvirt-sock")}`,
    state: directory.join("lib"),
    enter: ["nsenter", `--target=${children.trim()}`, "--mount", "--net", "--pid", "--"],
    host: Object.assign(Object.create(host) as Host, {
      network: {
        leasePort: network.leasePort.bind(network),
        usedSubnets: network.usedSubnets.bind(network),
        interfaceSubnets: network.interfaceSubnets.bind(network),
        connect: (target: Parameters<typeof network.connect>[0], signal: AbortSignal) =>
          network.connect(
            "path" in target ? { path: target.path.replace(/^\/run\/libvirt\//, directory.join("run/")) } : target,
            signal,
          ),
      },
    }),
    async restart() {
      shell.stdin.write("\n");
      await up();
    },
    async [Symbol.asyncDispose]() {
      // The end of the first process of a PID namespace ends all others in it.
      shell.stdin.end();
      await ended;
      await directory[Symbol.asyncDispose]();
    },
  };
}
