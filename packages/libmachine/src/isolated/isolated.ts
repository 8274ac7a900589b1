import type { Driver, DriverStatus, MachineContext } from "@mk/core";
import { IsolatedConnection } from "./isolated-machine.js";
import { IsolatedProcess, type IsolatedProgram, isolatedCommand } from "./isolated-process.js";
import { fromJson, ISOLATED_METHODS, type IsolatedStatusRequest, type Outcome, toJson } from "./messages.js";
import { settle } from "./outcome.js";

/** How a driver's own process is started. */
export interface IsolatedOptions {
  /** Absolute path of a module whose default export is the driver: the other process loads it itself. */
  readonly module: string;
  /** Runs the driver's process as root through sudo, and nothing else of mk. Default false. */
  readonly elevated?: boolean;
  /** Told the exact command before it is run with privileges. */
  readonly onElevation?: (command: readonly string[]) => void;
  /** The program that serves the driver. Default: the one that comes with this package. */
  readonly program?: string;
}

/**
 * The same driver, run in a process of its own: what waits or touches the computer happens there, what is pure here. Files that core keeps of a machine are written by
 * core alone; the process asks for them. So whatever becomes of that process, core's state is whole, and the next command finds a new process.
 */
export function isolated(driver: Driver, options: IsolatedOptions): Driver {
  const program: IsolatedProgram = {
    driver: driver.name,
    module: options.module,
    elevated: options.elevated ?? false,
    ...(options.program !== undefined && { program: options.program }),
  };
  const start = (env: Readonly<Record<string, string | undefined>>): IsolatedProcess => {
    if (program.elevated) options.onElevation?.(isolatedCommand(program));
    return new IsolatedProcess(program, env);
  };
  return Object.freeze({
    ...driver,
    async status(host, signal, machine): Promise<DriverStatus> {
      signal.throwIfAborted();
      const process = start(host.env);
      const onAbort = () => void process.kill();
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const request = toJson({ machine } satisfies IsolatedStatusRequest);
        return settle(fromJson(await process.call(ISOLATED_METHODS.Status, request)) as Outcome) as DriverStatus;
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener("abort", onAbort);
        await process.end();
      }
    },
    async createDriver(config: unknown, context: MachineContext) {
      const process = start(context.host.env);
      try {
        return await new IsolatedConnection(process, context).open(config);
      } catch (error) {
        await process.end();
        throw error;
      }
    },
  } satisfies Driver);
}
