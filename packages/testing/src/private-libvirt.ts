import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LibvirtPlace } from "./host-inventory.js";
import { type TemporaryDirectory, temporaryDirectory } from "./temporary-directory.js";

/**
 * A libvirt of the test's own beside the system's, which a test may therefore kill. Its processes have a first process that reaps them at
 * once, which libvirt waits for; that of a container often takes seconds.
 */
export interface PrivateLibvirt extends LibvirtPlace, AsyncDisposable {
  /** With what /run/libvirt has on a computer in `run`; a test may have files of its own there. Gone when it is disposed. */
  readonly directory: TemporaryDirectory;
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
  const children = await readFile(`/proc/${shell.pid}/task/${shell.pid}/children`, "utf8");
  return {
    uri: `qemu+unix:///system?socket=${directory.join("run", "libvirt-sock")}`,
    state: directory.join("lib"),
    directory,
    enter: ["nsenter", `--target=${children.trim()}`, "--mount", "--net", "--pid", "--"],
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
