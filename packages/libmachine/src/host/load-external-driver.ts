import { basename } from "node:path";
import {
  createNodeHost,
  type Driver,
  type DriverStatus,
  defineDriver,
  type Host,
  MkError,
  type OptionSpecs,
} from "@mk/core";
import { newBaseConfig } from "../protocol/base-config.js";
import { type ExternalConfig, parseExternalConfig } from "./external-config.js";
import { ExternalMachine } from "./external-machine.js";
import { flagOptions, flagValues } from "./option-specs.js";
import type { PluginProgram } from "./plugin-process.js";
import { PluginSession } from "./plugin-session.js";

/**
 * Makes a driver of a `docker-machine-driver-<name>` program, which is started to ask for its create flags: these become the driver's options. Each
 * machine then has a plugin process of its own while it is being worked with.
 *
 * COMMAND_NOT_FOUND, PLUGIN_CRASHED, PROTOCOL_ERROR, DRIVER_UNSUPPORTED, TIMED_OUT.
 */
export async function loadExternalDriver(
  program: PluginProgram,
  signal: AbortSignal,
  host: Host = createNodeHost(),
): Promise<Driver> {
  const session = await PluginSession.open(program, { signal, env: host.env, platform: host.platform });
  try {
    // docker-machine asks under this name, and drivers may look at their configuration before they answer.
    await session.setConfig(JSON.stringify(newBaseConfig("flag-lookup", "")), signal);
    return driverOf(program, flagOptions(program.name, await session.createFlags(signal)));
  } finally {
    await session.close();
  }
}

/** As {@link loadExternalDriver}, of a path alone: the driver is called what follows `docker-machine-driver-` in its name. */
export async function externalDriver(path: string, signal: AbortSignal): Promise<Driver> {
  const name = /^docker-machine-driver-(.+?)(?:\.exe)?$/.exec(basename(path))?.[1];
  if (name === undefined) throw new TypeError(`${path} is not named docker-machine-driver-<name>`);
  return await loadExternalDriver({ name, path }, signal);
}

function driverOf(program: PluginProgram, options: ReturnType<typeof flagOptions>): Driver {
  const specs: OptionSpecs = Object.fromEntries(options.map(({ key, spec }) => [key, spec]));
  return defineDriver({
    name: program.name,
    summary: `docker-machine's driver ${program.name} (${program.path})`,
    builtin: false,
    priority: "default",
    // What it costs is not known: a cloud may send a bill.
    autoSelect: false,
    // VirtualBox's own tools fail when two machines are made at once: docker-machine has a lock for this driver alone.
    traits: { isolation: "vm", parallel: program.name !== "virtualbox", privileged: false, image: "none" },
    options: specs,
    status: (host, signal) => status(program, host, signal),
    createConfig: (spec, given): ExternalConfig => ({ version: 1, flags: flagValues(options, spec, given) }),
    parseConfig: (raw) => parseExternalConfig(program.name, raw),
    createDriver: (config, context) => new ExternalMachine(program, config, context),
  });
}

async function status(program: PluginProgram, host: Host, signal: AbortSignal): Promise<DriverStatus> {
  try {
    const session = await PluginSession.open(program, { signal, env: host.env, platform: host.platform });
    await session.close();
    return { status: "ready", note: `runs as ${program.path}` };
  } catch (error) {
    if (!MkError.is(error)) throw error;
    const isMissing = error.code === "COMMAND_NOT_FOUND";
    return {
      status: isMissing ? "missing" : "unhealthy",
      code: isMissing ? "plugin-not-found" : "plugin-failed",
      reason: error.message,
      ...(error.hint !== undefined && { fix: error.hint }),
    };
  }
}
