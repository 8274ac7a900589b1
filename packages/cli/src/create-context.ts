import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { type Discovery, type Mk, MkError, type MkEvent, readUserConfig, type UserConfig } from "@mk/core";
import type { Context } from "./context.js";
import type { DriverOptionFlags } from "./driver-flags.js";
import { type Flags, isOn, text } from "./flags.js";
import { createRenderer } from "./render/renderer.js";
import type { Output } from "./terminal/output.js";
import { createPalette, wantsColors } from "./terminal/palette.js";

/** What the process gives to mk. */
export interface ProcessInput {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: NodeJS.ReadStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly argv1: string | undefined;
  readonly signal: AbortSignal;
}

/** The context of one command. What costs time is made when it is first asked for, and closed at the end. */
export async function createContext(
  input: ProcessInput,
  driverFlags: DriverOptionFlags,
  flags: Flags,
): Promise<Context & AsyncDisposable> {
  const { env, stdout, stderr, stdin, signal } = input;
  const output = outputFormat(text(flags, "output"));
  const quiet = isOn(flags, "quiet");
  const colors = flags.color !== false;
  const home = mkHome(env);
  const renderer = createRenderer({ output, quiet, stdout, stderr, env, colors });
  const host = once(async () => (await import("./host.js")).createHost(home, env));
  const userConfig = once(async (): Promise<UserConfig> => await readUserConfig((await host()).files, home));
  const discover = once(async (): Promise<Discovery> => {
    const { findDrivers } = await import("./find-drivers.js");
    return findDrivers({ home, env, argv1: input.argv1, userConfig: await userConfig() });
  });
  let opened: Promise<Mk> | undefined;
  const onEvent = (event: MkEvent): void => renderer.event(event);
  const mk = (): Promise<Mk> => {
    opened ??= import("./open-mk.js").then(async ({ openMk }) =>
      openMk({ home, host: await host(), env, discover, onEvent, signal }),
    );
    return opened;
  };
  return {
    stdout,
    stderr,
    stdin,
    env,
    signal,
    palette: createPalette(wantsColors(stdout.isTerminal, env, colors)),
    output,
    quiet,
    home,
    profile: text(flags, "profile"),
    driverFlags,
    host,
    userConfig,
    discover,
    mk,
    onEvent,
    endProgress: () => renderer.close(),
    async [Symbol.asyncDispose]() {
      renderer.close();
      // A failed opening was already told to the command that asked for it.
      const instance = await opened?.catch(() => undefined);
      await instance?.[Symbol.asyncDispose]();
    },
  };
}

/** `$MK_HOME`, else `~/.mk`. CONFIG_INVALID when MK_HOME is not absolute: it would mean another place in each directory. */
export function mkHome(env: Readonly<Record<string, string | undefined>>): string {
  const given = env.MK_HOME;
  if (given === undefined || given === "") return join(env.HOME || homedir(), ".mk");
  if (isAbsolute(given)) return given;
  throw new MkError("CONFIG_INVALID", `MK_HOME ${JSON.stringify(given)} is not an absolute path`, {
    hint: "Give the directory from its root.",
  });
}

function outputFormat(given: string | undefined): "text" | "json" {
  if (given === undefined || given === "text") return "text";
  if (given === "json") return "json";
  throw new MkError("INVALID_ARGUMENT", `--output ${JSON.stringify(given)} is neither text nor json`, {
    hint: "Write --output=json",
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
