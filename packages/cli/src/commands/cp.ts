import { basename, resolve } from "node:path";
import { MkError } from "@mk/core";
import type { Command, Context } from "../context.js";
import { machineName } from "../machine-name.js";

/** One of the two is in a machine, written `machine:path`, or `:path` for the machine of `--profile`. */
export const cp: Command = async (context, [source = "", target = ""]) => {
  const from = parsePlace(source);
  const to = parsePlace(target);
  if ((from.machine === undefined) === (to.machine === undefined)) {
    throw new MkError("INVALID_ARGUMENT", "exactly one of source and target must be in a machine", {
      hint: "Write it like: mk cp ./data mk:/home/mk/data",
    });
  }
  const { signal } = context;
  if (to.machine !== undefined) {
    const machine = await handle(context, to.machine);
    // As cp(1): into a directory that is named as one.
    const path = to.path === "" || to.path.endsWith("/") ? `${to.path}${basename(resolve(from.path))}` : to.path;
    await machine.copyTo(resolve(from.path), path, { signal });
  } else {
    const machine = await handle(context, from.machine ?? "");
    await machine.copyFrom(from.path, await intoDirectory(context, to.path, basename(from.path)), { signal });
  }
};

export interface Place {
  /** Undefined on the host, empty for the default machine. */
  readonly machine: string | undefined;
  readonly path: string;
}

/** A drive letter is no machine, and a path that begins with `.` or `/` is the host's whatever follows. */
export function parsePlace(given: string): Place {
  const match = /^([a-z0-9-]{0,63}):(.*)$/s.exec(given);
  if (match === null || /^[A-Za-z]:[\\/]/.test(given)) return { machine: undefined, path: given };
  return { machine: match[1] ?? "", path: match[2] ?? "" };
}

async function handle(context: Context, machine: string) {
  return await (await context.mk()).machine(machine === "" ? await machineName(context) : machine);
}

async function intoDirectory(context: Context, target: string, name: string): Promise<string> {
  const path = resolve(target);
  const stat = await (await context.host()).files.stat(path);
  return stat?.kind === "directory" ? resolve(path, name) : path;
}
