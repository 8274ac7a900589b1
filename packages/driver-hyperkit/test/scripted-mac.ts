import { resolve } from "node:path/posix";
import { type Program, type ScriptedHost, scriptedHost } from "@mk/conformance";
import { LEASES_FILE } from "../src/address.js";
import { hyperkit } from "./fixtures/stand-in.mjs";

/** The stand-in on a scripted host. `misbehaves`: words of the stand-in, such as `no-vmnet`. */
const program =
  (misbehaves: string): Program =>
  (process) => {
    const { files } = process.host;
    const at = (path: string) => resolve(process.cwd, path);
    return hyperkit({
      args: process.args,
      env: { STAND_IN: misbehaves },
      pid: process.pid,
      leasesFile: LEASES_FILE,
      now: () => process.host.now(),
      print: (text) => process.print(text),
      complain: (text) => process.complain(text),
      read: (path) => files.readText(at(path)),
      write: async (path, contents) => files.place(at(path), contents),
      createExclusively: async (path, contents) => {
        if ((await files.stat(at(path))) !== undefined) return false;
        files.place(at(path), contents);
        return true;
      },
      exists: async (path) => (await files.stat(at(path))) !== undefined,
      remove: (path) => files.remove(at(path)),
      delay: (ms) => process.delay(ms),
      forever: () => process.forever(),
      onTerminate: (handler) => process.on("SIGTERM", handler),
    });
  };

/** ps(1) as far as the driver asks it: the arguments of one process. */
const ps: Program = (process) => {
  const pid = Number(process.args.at(-1));
  const found = process.host.processes.list().find(({ identity }) => identity.pid === pid);
  if (found === undefined) return 1;
  process.print(`${found.identity.executable} ${found.args.join(" ")}\n`);
  return 0;
};

export interface MacOptions {
  readonly misbehaves?: string;
  readonly programs?: Readonly<Record<string, Program>>;
  readonly uid?: number;
  readonly platform?: NodeJS.Platform;
  readonly arch?: NodeJS.Architecture;
}

/** An Intel Mac with HyperKit and nothing else, as root unless told otherwise. */
export function scriptedMac({ misbehaves = "", programs = {}, uid = 0, ...machine }: MacOptions = {}): ScriptedHost {
  return scriptedHost({
    platform: "darwin",
    arch: "x64",
    ...machine,
    homeDirectory: "/Users/user",
    user: { uid, gid: uid, name: "user", groups: [uid] },
    programs: { "/usr/local/bin/hyperkit": program(misbehaves), "/bin/ps": ps, ...programs },
    files: { [LEASES_FILE]: "" },
  });
}
