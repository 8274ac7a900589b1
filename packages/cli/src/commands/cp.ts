import { resolve, sep } from "node:path";
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
    await machine.copyTo(resolve(from.path), to.path, { signal });
  } else {
    const machine = await handle(context, from.machine ?? "");
    // `resolve` takes the slash away by which a directory is named as one.
    const slash = to.path.endsWith("/") || to.path.endsWith(sep) ? sep : "";
    await machine.copyFrom(from.path, resolve(to.path) + slash, { signal });
  }
};

export interface Place {
  /** Undefined on the host, empty for the default machine. */
  readonly machine: string | undefined;
  readonly path: string;
}

/** A drive letter is no machine, and a path that begins with `.` or `/` is the host's whatever follows. INVALID_ARGUMENT for `~user`. */
export function parsePlace(given: string): Place {
  const match = /^([a-z0-9-]{0,63}):(.*)$/s.exec(given);
  if (match === null || /^[A-Za-z]:[\\/]/.test(given)) return { machine: undefined, path: given };
  return { machine: match[1] ?? "", path: guestPath(match[2] ?? "") };
}

/** Relative paths begin in the guest user's home, so `~` needs no shell there. */
function guestPath(given: string): string {
  const [, user, path] = /^(?:~([^/]*)(?:\/+|$))?(.*)$/s.exec(given) ?? [];
  if (user !== undefined && user !== "") {
    throw new MkError("INVALID_ARGUMENT", `~${user} is not known in the machine`, {
      hint: "Give the path from the root.",
    });
  }
  return path === undefined || path === "" ? "." : path;
}

async function handle(context: Context, machine: string) {
  return await (await context.mk()).machine(machine === "" ? await machineName(context) : machine);
}
