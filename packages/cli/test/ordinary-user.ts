import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { guestImages } from "@mk/guest";
import { testHome, until } from "@mk/testing";
import { BIN } from "./run-mk.js";

const run = promisify(execFile);

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** A user of this computer who is nobody in particular, made for a test: with a home, and a guest image in mk's cache. */
export interface OrdinaryUser extends AsyncDisposable {
  readonly name: string;
  readonly home: string;
  mk(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Output>;
  run(file: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Output>;
  /** Processes of this user. */
  pids(): Promise<readonly number[]>;
}

/** `groups`: which the user is in beside their own. `within`: the arguments before all that they run, such as those of nsenter. */
export async function ordinaryUser({
  groups = [],
  within = [],
}: {
  readonly groups?: readonly string[];
  readonly within?: readonly string[];
} = {}): Promise<OrdinaryUser> {
  const name = `mkt${randomBytes(3).toString("hex")}`;
  const home = await mkdtemp(join(tmpdir(), "mk-user-"));
  await run("useradd", ["--no-create-home", "--home-dir", home, "--groups", groups.join(","), name]);
  // The image is built once for all tests; this user gets a copy.
  const images = guestImages({ home: testHome() });
  const image = await images.ensure(process.arch === "arm64" ? "arm64" : "amd64", {
    signal: new AbortController().signal,
    step: async (_id, _title, work) => await work(() => undefined),
    undo: () => undefined,
    log: () => undefined,
  });
  const cache = join(home, "mk", "cache", "images");
  await mkdir(cache, { recursive: true, mode: 0o700 });
  await cp(dirname(image.oci), join(cache, basename(dirname(image.oci))), { recursive: true });
  await run("chown", ["-R", name, home]);
  const user: OrdinaryUser = {
    name,
    home,
    mk: (args, env) => user.run(process.execPath, [BIN, ...args], env),
    run: async (file, args, env = {}) =>
      await run("env", [...within, "runuser", "-u", name, "--", file, ...args], {
        cwd: home,
        env: {
          HOME: home,
          PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
          MK_HOME: join(home, "mk"),
          MK_DRIVER_PATH: fileURLToPath(new URL("../..", import.meta.url)),
          ...env,
        },
      }),
    pids: async () => {
      const { stdout } = await run("ps", ["-u", name, "-o", "pid="]).catch(() => ({ stdout: "" }));
      return stdout.split("\n").flatMap((line) => (line.trim() === "" ? [] : [Number(line)]));
    },
    async [Symbol.asyncDispose]() {
      for (const pid of await user.pids()) process.kill(pid, "SIGKILL");
      await until("the user's processes have ended", async () => (await user.pids()).length === 0);
      await run("userdel", [name]);
      await rm(home, { recursive: true, force: true });
    },
  };
  return user;
}
