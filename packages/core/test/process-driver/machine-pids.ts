import { readdir, readFile } from "node:fs/promises";

/** The processes that are the machine in this directory: they have it in their command line. */
export async function machinePids(directory: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return command.includes(`machine.mjs\0${directory}\0`) ? [pid] : [];
    }),
  );
  return found.flat();
}
