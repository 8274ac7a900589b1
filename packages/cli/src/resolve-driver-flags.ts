import { createRegistry, type Driver, readUserConfig } from "@mk/core";
import type { CAC } from "cac";
import { longName } from "./argv.js";
import { mkHome, type ProcessInput } from "./create-context.js";
import {
  type DriverOptionFlags,
  driverOfFlags,
  mayHaveDriverFlags,
  NO_DRIVER_FLAGS,
  namedDriver,
  takeDriverFlags,
} from "./driver-flags.js";

export interface ResolvedDriverFlags {
  /** argv without the driver's flags. */
  readonly argv: readonly string[];
  readonly flags: DriverOptionFlags;
  /** The driver whose options `--help` shows. */
  readonly driver?: Driver;
}

/**
 * Loads a driver's code when, and only when, argv has flags of it or asks for help on it: what its flags mean is declared there. Errors as
 * the registry's, INVALID_OPTION and UNKNOWN_COMMAND.
 */
export async function resolveDriverFlags(
  cli: CAC,
  argv: readonly string[],
  input: ProcessInput,
): Promise<ResolvedDriverFlags> {
  const none = { argv, flags: NO_DRIVER_FLAGS };
  if (!argv.includes("start")) return none;
  const declared = [...cli.globalCommand.options, ...cli.commands.flatMap((command) => command.options)].map(longName);
  const wantsHelp = argv.includes("--help") || argv.includes("-h");
  const named = namedDriver(argv);
  if (!mayHaveDriverFlags(argv, declared) && !(wantsHelp && named !== undefined)) return none;

  const home = mkHome(input.env);
  const [{ createHost }, { findDrivers }] = await Promise.all([import("./host.js"), import("./find-drivers.js")]);
  const { files } = createHost(home, input.env);
  const discovery = findDrivers({
    home,
    env: input.env,
    argv1: input.argv1,
    userConfig: await readUserConfig(files, home),
  });
  const owner = driverOfFlags(argv, discovery);
  // Flags of another driver than the named one are told apart by core, which knows the machine's driver too.
  const name = owner ?? (wantsHelp ? named : undefined);
  if (name === undefined) return none;
  const driver = await createRegistry(discovery).load(name, input.signal);
  const { rest, flags } = takeDriverFlags(argv, driver);
  return { argv: rest, flags, driver };
}
