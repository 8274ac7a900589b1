import { access, constants, readdir, readFile } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { outputOf } from "./command.js";

/** What a suite may need of the computer it runs on; `program:<name>` is any executable of {@link programPath}. */
export type Tool = "qemu" | "docker" | "libvirt" | "go" | "network" | "root" | "linux" | "sshd" | `program:${string}`;

const QEMU = process.arch === "arm64" ? "qemu-system-aarch64" : "qemu-system-x86_64";

const found = new Map<Tool, Promise<string | undefined>>();

/** Why a tool cannot be used here, as a clause, or undefined when it can. Tried once. */
export function whyMissing(tool: Tool): Promise<string | undefined> {
  const reason = found.get(tool) ?? examine(tool);
  found.set(tool, reason);
  return reason;
}

async function examine(tool: Tool): Promise<string | undefined> {
  switch (tool) {
    case "qemu":
      return missingProgram(QEMU);
    case "docker":
      return answers("dockerd does not answer", "docker", ["version", "--format", "{{.Server.Version}}"]);
    case "libvirt":
      return answers("libvirtd does not answer", "virsh", ["-c", "qemu:///system", "version"]);
    case "go":
      return answers("go is not installed", "go", ["version"]);
    case "sshd":
      return (await findSshd()) === undefined ? "sshd is not installed" : undefined;
    case "network":
      return whyNoMirror();
    case "root":
      return process.geteuid?.() === 0 ? undefined : "this is not root";
    case "linux":
      return process.platform === "linux" ? undefined : `this is ${process.platform}`;
    default:
      return missingProgram(tool.slice("program:".length));
  }
}

/** The absolute path of sshd, which is not in every user's PATH and insists on being started by its full name. */
export async function findSshd(): Promise<string | undefined> {
  return findProgram("sshd");
}

/** PATH, and where Debian has what an ordinary user's leaves to root: debugfs, modprobe and ldconfig do their work for others too. */
export function programPath(): string {
  return [process.env.PATH ?? "", "/usr/local/sbin", "/usr/sbin", "/sbin"].join(delimiter);
}

async function missingProgram(name: string): Promise<string | undefined> {
  return (await findProgram(name)) === undefined ? `${name} is not installed` : undefined;
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of programPath().split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const file = join(directory, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}

async function answers(reason: string, file: string, args: readonly string[]): Promise<string | undefined> {
  return (await outputOf(file, args)) === undefined ? reason : undefined;
}

/** The one thing outside that live tests need is where the guest's packages come from: the mirror that this computer itself names. */
async function whyNoMirror(): Promise<string | undefined> {
  const mirror = process.env.MK_DEBIAN_MIRROR || (await aptMirror());
  // Nothing is named, so nothing can be asked: the build of an image tells.
  if (mirror === undefined) return undefined;
  const url = `${mirror.replace(/\/+$/, "")}/dists/stable/InRelease`;
  try {
    const { ok, status } = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(10_000) });
    return ok ? undefined : `${url} answers ${status}`;
  } catch {
    return `${url} does not answer`;
  }
}

async function aptMirror(): Promise<string | undefined> {
  const more = "/etc/apt/sources.list.d";
  const names = await readdir(more).catch(() => []);
  const files = [
    "/etc/apt/sources.list",
    ...names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(more, name)),
  ];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  return /^[^#\n]*?(https?:\/\/\S+\/debian)\/?(?=\s|$)/m.exec(texts.join("\n"))?.[1];
}
