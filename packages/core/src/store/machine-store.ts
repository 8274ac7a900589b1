import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, realpath, rename, rm, unlink } from "node:fs/promises";
import { join, sep } from "node:path";
import { MkError } from "../errors.js";
import { failpoint } from "../failpoints/failpoint.js";
import { isTemporary, removeTemporaries, syncDirectory } from "../host/atomic-write.js";
import { errnoOf, fileError } from "../host/file-error.js";
import type { Home } from "./home.js";
import { decodeMachineConfig, encodeMachineConfig, type MachineConfig } from "./machine-config.js";
import { isMachineName } from "./machine-name.js";
import { writeFileAtomic } from "./write-file-atomic.js";

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const TRASH = ".trash-";
const LAST_GOOD = "config.json.last";
/** What says which machine this is and what is being done to it. */
const KEPT = new Set(["config.json", LAST_GOOD, "intent.json"]);

/** What is known of a machine by its files alone. `recovered`: config.json is damaged and its last good copy was read. */
export type StoredMachine =
  | { readonly kind: "absent" }
  | { readonly kind: "good"; readonly config: MachineConfig }
  | { readonly kind: "recovered"; readonly config: MachineConfig; readonly problem: MkError }
  | { readonly kind: "broken"; readonly problem: MkError };

/** The machines on disk. Reading never changes anything; the rest is called under the machine's lock. */
export interface MachineStore {
  /** Names of all machines, sorted. */
  names(): Promise<readonly string[]>;
  read(name: string): Promise<StoredMachine>;
  /** Makes the machine's directory, 0700. */
  makeDirectory(name: string): Promise<void>;
  /** Writes config.json, then its last good copy. */
  write(name: string, config: MachineConfig): Promise<void>;
  /** Sets a damaged config.json aside as config.json.corrupt-<time> and puts the last good copy in its place. */
  repair(name: string): Promise<void>;
  /** Empties the machine's directory of all but its config and its intent. */
  clear(name: string): Promise<void>;
  /**
   * Removes the directory: at once for every reader, since it is renamed first. Of one that the user moved elsewhere and linked to, the link
   * and the contents. An error names what could not be removed.
   */
  remove(name: string): Promise<void>;
  /** Removes temporary files that a killed mk left in the machine's directory. */
  tidy(name: string): Promise<void>;
  /** Finishes removals that were interrupted, as far as it can, and what killed writers left at the top of the home. Needs no lock. */
  sweep(): Promise<void>;
}

export function createMachineStore(home: Home): MachineStore {
  async function read(name: string): Promise<StoredMachine> {
    const directory = home.machine(name);
    try {
      return { kind: "good", config: decodeMachineConfig(await readBounded(join(directory, "config.json")), name) };
    } catch (error) {
      if (errnoOf(error) === "ENOENT" && !(await exists(directory))) return { kind: "absent" };
      const problem = readProblem(error, name, directory);
      if (problem.code === "STATE_TOO_NEW" || problem.code === "PERMISSION_DENIED") return { kind: "broken", problem };
      try {
        const config = decodeMachineConfig(await readBounded(join(directory, LAST_GOOD)), name);
        return { kind: "recovered", config, problem };
      } catch (lastError) {
        // The config is written before the driver is first called: without any there is nothing but a creation that was killed.
        const never = errnoOf(error) === "ENOENT" && errnoOf(lastError) === "ENOENT";
        return never && !(await hasFiles(directory)) ? { kind: "absent" } : { kind: "broken", problem };
      }
    }
  }
  return {
    async names() {
      try {
        const entries = await readdir(home.machines, { withFileTypes: true });
        return (
          entries
            // A link where the user moved a machine to another disk, which may not be there now: a machine it is all the same.
            .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && isMachineName(entry.name))
            .map(({ name }) => name)
            .sort()
        );
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return [];
        throw fileError(error, "read", home.machines);
      }
    },
    read,
    async makeDirectory(name) {
      const directory = home.machine(name);
      await failpoint("store.directory:before");
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await syncDirectory(home.machines, process.platform);
      } catch (error) {
        throw fileError(error, "make", directory);
      }
      await failpoint("store.directory:after");
    },
    async write(name, config) {
      const directory = home.machine(name);
      const text = encodeMachineConfig(config);
      await failpoint("store.config:before");
      await writeFileAtomic(join(directory, "config.json"), text);
      await failpoint("store.config:after");
      // A second file, not a link: damage to the one must not be damage to the other.
      await failpoint("store.last-good:before");
      await writeFileAtomic(join(directory, LAST_GOOD), text);
      await failpoint("store.last-good:after");
    },
    async repair(name) {
      const stored = await read(name);
      if (stored.kind !== "recovered") return;
      const path = join(home.machine(name), "config.json");
      await failpoint("store.quarantine:before");
      await rename(path, `${path}.corrupt-${Date.now()}`).catch((error: unknown) => {
        if (errnoOf(error) !== "ENOENT") throw fileError(error, "rename", path);
      });
      await failpoint("store.quarantine:after");
      await writeFileAtomic(path, encodeMachineConfig(stored.config));
    },
    async clear(name) {
      const directory = home.machine(name);
      await failpoint("store.clear:before");
      try {
        const entries = await readdir(directory);
        for (const entry of entries.filter((each) => !KEPT.has(each))) {
          await rm(join(directory, entry), { recursive: true, force: true });
        }
      } catch (error) {
        throw fileError(error, "empty", directory);
      }
      await failpoint("store.clear:after");
    },
    async remove(name) {
      const trash = join(home.machines, `${TRASH}${randomBytes(6).toString("hex")}`);
      await failpoint("store.remove:before");
      try {
        // No trash is made of it: the contents of what is linked to from there are removed.
        if (await isForeignLink(home, name)) await unlink(home.machine(name));
        else {
          await rename(home.machine(name), trash);
          await failpoint("store.trash:before");
          await syncDirectory(home.machines, process.platform);
          await removeTrash(trash);
          await failpoint("store.trash:after");
        }
      } catch (error) {
        if (errnoOf(error) !== "ENOENT") throw fileError(error, "remove", home.machine(name));
      }
      await failpoint("store.remove:after");
    },
    tidy: (name) => removeTemporaries(home.machine(name)),
    async sweep() {
      await removeTemporaries(home.root);
      const entries = await readdir(home.machines).catch(() => []);
      for (const entry of entries) {
        if (!entry.startsWith(TRASH)) continue;
        // Who removed the machine was told of what stays; here it stands in nobody's way.
        await removeTrash(join(home.machines, entry)).catch(() => undefined);
      }
    },
  };
}

/** Reads at most what a config may have: a file of 200 MB must not become a string of 200 MB. */
async function readBounded(path: string): Promise<string> {
  // Not to wait for ever on a pipe that somebody put in its place.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new SyntaxError("it is no file");
    if (stats.size > MAX_CONFIG_BYTES) throw new SyntaxError(`${stats.size} bytes are more than a config has`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

function readProblem(error: unknown, name: string, directory: string): MkError {
  if (MkError.is(error)) return error;
  if (errnoOf(error) === "EACCES" || errnoOf(error) === "EPERM")
    return fileError(error, "read", join(directory, "config.json"));
  return new MkError("CONFIG_CORRUPT", `config.json of machine ${JSON.stringify(name)} cannot be read`, {
    hint: `Put the file back from a backup, or run \`mk delete --forget -p ${name}\`.`,
    details: { name },
    cause: error,
  });
}

/** Removes what is left of a machine that no reader finds any more. */
async function removeTrash(trash: string): Promise<void> {
  try {
    await emptyIfLinked(trash);
    await rm(trash, { recursive: true, force: true });
  } catch (error) {
    // Another mk sweeps at the same time.
    if (errnoOf(error) === "ENOENT") return;
    const { code, message, details, cause } = fileError(error, "remove", trash);
    const hint = `Remove ${trash} yourself; the machine is gone but for these files.`;
    throw new MkError(code, message, { hint, details, cause });
  }
}

/** Whether the name is a link, and leads to what is not proven to be this machine's: another machine above all. */
async function isForeignLink(home: Home, name: string): Promise<boolean> {
  const link = home.machine(name);
  if (!(await lstat(link)).isSymbolicLink()) return false;
  try {
    const [target, machines] = await Promise.all([realpath(link), realpath(home.machines)]);
    if (target === machines || target.startsWith(machines + sep)) return true;
    decodeMachineConfig(await readBounded(join(link, LAST_GOOD)), name);
    return false;
  } catch {
    return true;
  }
}

/** Empties the directory that a link leads to, until its machine's config is gone too. */
async function emptyIfLinked(link: string): Promise<void> {
  if (!(await lstat(link)).isSymbolicLink()) return;
  const entries = await readdir(link).catch((error: unknown): string[] => {
    // Where it leads nowhere, the link itself is all there is to remove.
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
    throw error;
  });
  if (!entries.includes(LAST_GOOD)) return;
  // That last, so that a removal that was interrupted goes on.
  for (const entry of [...entries.filter((each) => each !== LAST_GOOD), LAST_GOOD]) {
    await rm(join(link, entry), { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR",
  );
}

async function hasFiles(directory: string): Promise<boolean> {
  const entries = await readdir(directory).catch(() => [""]);
  return !entries.every((entry) => isTemporary(entry) || entry === "intent.json");
}
