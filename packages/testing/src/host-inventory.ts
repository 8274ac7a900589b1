import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { outputOf } from "./command.js";

export interface InventoryScope {
  /**
   * Only what mentions one of these is counted (in a command line, an environment, a name, a label): a machine's name, its home. Others
   * use the computer at the same time. Default: everything.
   */
  readonly mentions?: readonly string[];
  /** Directories whose contents are counted. */
  readonly directories?: readonly string[];
}

/** What is there, one readable line for each object; sorted. */
export type Inventory = readonly string[];

/**
 * What of the host a test could leave behind: processes, listening sockets, files, Docker objects labelled `mk.`, libvirt domains, networks
 * and pools. Take it before and after: {@link inventoryDifference} of the two must be empty. This process and its parents are not counted.
 */
export async function hostInventory(scope: InventoryScope = {}): Promise<Inventory> {
  const { mentions, directories = [] } = scope;
  const isMeant = (text: string): boolean => mentions === undefined || mentions.some((word) => text.includes(word));
  const processes = await processesOf(isMeant);
  const parts = await Promise.all([
    socketsOf(isMeant, new Set(processes.map(({ pid }) => pid))),
    Promise.all(directories.map((directory) => filesIn(directory))),
    dockerObjects(isMeant),
    libvirtObjects(isMeant),
  ]);
  return [...processes.map(({ pid, text }) => `process ${pid} ${text}`), ...parts.flat(2)].sort();
}

export interface InventoryDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export function inventoryDifference(before: Inventory, after: Inventory): InventoryDifference {
  return {
    added: after.filter((line) => !before.includes(line)),
    removed: before.filter((line) => !after.includes(line)),
  };
}

interface ProcessLine {
  readonly pid: number;
  readonly text: string;
}

async function processesOf(isMeant: (text: string) => boolean): Promise<readonly ProcessLine[]> {
  if (process.platform !== "linux") return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const ancestors = await ancestry(process.pid);
  const lines = await Promise.all(
    pids.map(async (pid): Promise<readonly ProcessLine[]> => {
      const command = (await readProc(`/proc/${pid}/cmdline`)).replaceAll("\0", " ").trim();
      // Threads of the kernel have no command line.
      if (command === "" || ancestors.has(pid)) return [];
      const environment = await readProc(`/proc/${pid}/environ`);
      if (!isMeant(command) && !isMeant(environment)) return [];
      return [{ pid, text: command }];
    }),
  );
  return lines.flat();
}

async function ancestry(pid: number): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (let at = pid; at > 0 && !found.has(at); ) {
    found.add(at);
    const stat = await readProc(`/proc/${at}/stat`);
    at = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0);
  }
  return found;
}

/** Empty for a process that has ended, or that is another user's. */
async function readProc(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

async function socketsOf(isMeant: (text: string) => boolean, pids: ReadonlySet<number>): Promise<readonly string[]> {
  if (process.platform !== "linux") return [];
  const text = (await outputOf("ss", ["-H", "-l", "-n", "-p", "-t", "-x"])) ?? "";
  return text.split("\n").flatMap((line) => {
    const owners = [...line.matchAll(/pid=(\d+)/g)].map((match) => Number(match[1]));
    if (line.trim() === "" || owners.includes(process.pid)) return [];
    if (!isMeant(line) && !owners.some((pid) => pids.has(pid))) return [];
    const [kind = "", , , , address = ""] = line.trim().split(/\s+/);
    return [`socket ${kind} ${address} of ${owners.join(" ") || "an unknown process"}`];
  });
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  const lines = await Promise.all(
    entries.map(async (name) => {
      const path = join(directory, name);
      const stats = await lstat(path).catch(() => undefined);
      return stats === undefined ? [] : [`file ${path} ${(stats.mode & 0o7777).toString(8)}`];
    }),
  );
  return lines.flat();
}

async function dockerObjects(isMeant: (text: string) => boolean): Promise<readonly string[]> {
  const lists = {
    container: ["ps", "--all", "--no-trunc", "--format", "{{.Names}} {{.Labels}}"],
    network: ["network", "ls", "--no-trunc", "--format", "{{.Name}} {{.Labels}}"],
    volume: ["volume", "ls", "--format", "{{.Name}} {{.Labels}}"],
  };
  const found = await Promise.all(
    Object.entries(lists).map(async ([kind, args]) =>
      lines(await outputOf("docker", args))
        .filter((line) => /[ ,](?:dev\.)?mk\./.test(line) && isMeant(line))
        .map((line) => `docker ${kind} ${line}`),
    ),
  );
  return found.flat();
}

/** A libvirt, and the directory in which it keeps its state. */
export interface LibvirtPlace {
  readonly uri: string;
  readonly state: string;
}

const SYSTEM_LIBVIRT: LibvirtPlace = { uri: "qemu:///system", state: "/var/lib/libvirt" };
/** What belongs to one domain or network, named after it: leases, saved memory, NVRAM, snapshots. */
const LIBVIRT_STATE = ["dnsmasq", "qemu/save", "qemu/nvram", "qemu/snapshot"];

/** What a libvirt has whose name holds one of these words: domains, networks, pools, and the files it keeps of them. */
export async function libvirtInventory(words: readonly string[], place: LibvirtPlace): Promise<Inventory> {
  return (await libvirtObjects((text) => words.some((word) => text.includes(word)), place)).toSorted();
}

async function libvirtObjects(
  isMeant: (text: string) => boolean,
  { uri, state } = SYSTEM_LIBVIRT,
): Promise<readonly string[]> {
  const lists = { domain: "list", network: "net-list", pool: "pool-list" };
  const found = await Promise.all([
    ...Object.entries(lists).map(async ([kind, command]) =>
      lines(await outputOf("virsh", ["-c", uri, command, "--all", "--name"]))
        .filter(isMeant)
        .map((line) => `libvirt ${kind} ${line}`),
    ),
    // Only root can list some of them; an ordinary user sees the rest.
    ...LIBVIRT_STATE.map(async (name) =>
      (await readdir(join(state, name)).catch(() => [])).filter(isMeant).map((file) => `libvirt file ${name}/${file}`),
    ),
  ]);
  return found.flat();
}

function lines(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
