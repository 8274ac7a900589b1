import { type Driver, type Machine, MkError } from "@mk/core";
import { isolated } from "../../src/index.js";
import { pretendDriver } from "../programs/pretend-driver.js";
import { type Bundle, bundle } from "./bundle.js";
import { machineContext, type TemporaryContext } from "./machine-context.js";

export interface IsolatedPrograms extends AsyncDisposable {
  readonly module: Bundle;
  readonly child: Bundle;
}

/** The two files an isolated driver runs from, made of the sources. */
export async function buildIsolated(): Promise<IsolatedPrograms> {
  const [module, child] = await Promise.all([
    bundle("programs/pretend-module.ts", "pretend-module"),
    bundle("../src/isolated/isolated-child.ts", "isolated-child"),
  ]);
  return {
    module,
    child,
    async [Symbol.asyncDispose]() {
      await Promise.all([module[Symbol.asyncDispose](), child[Symbol.asyncDispose]()]);
    },
  };
}

export interface IsolatedMachine extends AsyncDisposable {
  readonly driver: Driver;
  readonly machine: Machine;
  readonly context: TemporaryContext;
  /** A handle with a process of its own. */
  open(): Promise<Machine>;
}

/** A pretend machine whose driver runs in another process. */
export async function isolatedMachine(
  programs: IsolatedPrograms,
  options: Readonly<Record<string, unknown>> = {},
): Promise<IsolatedMachine> {
  const driver = isolated(pretendDriver, { module: programs.module.path, program: programs.child.path });
  const context = await machineContext();
  const opened: Machine[] = [];
  const open = async (): Promise<Machine> => {
    const config = driver.createConfig(context.spec, { color: "red", createMs: 0, ...options });
    const machine = await driver.createDriver(config, context);
    opened.push(machine);
    return machine;
  };
  return {
    driver,
    context,
    machine: await open(),
    open,
    async [Symbol.asyncDispose]() {
      for (const machine of opened) await machine.close?.();
      await context[Symbol.asyncDispose]();
    },
  };
}

export const hasCode =
  (code: MkError["code"], text = "") =>
  (error: unknown) =>
    MkError.is(error, code) && error.message.includes(text);
