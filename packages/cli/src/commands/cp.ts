import { resolve, sep } from "node:path";
import { MkError } from "@mk/core";
import type { Command } from "../context.js";
import { machineName } from "../machine-name.js";

/** Either the sources or the target is in a machine, written `machine:path`, or `:path` for the machine of `--profile`. */
export const cp: Command = async (context, words) => {
  const sources = words.slice(0, -1).map(parsePlace);
  const target = parsePlace(words.at(-1) ?? "");
  if (sources.some(({ machine }) => (machine === undefined) === (target.machine === undefined))) {
    throw new MkError("INVALID_ARGUMENT", "exactly one of source and target must be in a machine", {
      hint: "Write it like: mk cp ./data mk:/home/mk/data",
    });
  }
  // A slash names a directory, and several go into one.
  const isDirectory = sources.length > 1 || target.path.endsWith("/") || target.path.endsWith(sep);
  const place = target.machine === undefined ? resolve(target.path) : target.path.replace(/\/$/, "");
  const to = isDirectory ? `${place}/` : place;
  const { signal } = context;
  const mk = await context.mk();
  for (const source of sources) {
    const machine = await mk.machine(await machineName(context, (target.machine ?? source.machine) || undefined));
    if (target.machine === undefined) await machine.copyFrom(source.path, to, { signal });
    else await machine.copyTo(resolve(source.path), to, { signal });
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
