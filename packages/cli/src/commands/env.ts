import { DEFAULT_MACHINE } from "@mk/core";
import type { Command } from "../context.js";
import { isOn, text } from "../flags.js";
import { machineName } from "../machine-name.js";
import { noProxyVariables } from "../no-proxy.js";
import { detectShell, howToUse, parseShell, shellStatements } from "../shell-environment.js";

export const env: Command = async (context, [argument], flags) => {
  const given = text(flags, "shell");
  const shell = given === undefined ? detectShell(context.env, process.platform) : parseShell(given);
  const name = await machineName(context, argument);
  const variables = isOn(flags, "unset") ? UNSET : await variablesOf(name);
  if (context.output === "json") {
    // null: the variable must not be set.
    return context.stdout.json(
      Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, value ?? null])),
    );
  }
  context.stdout.line(shellStatements(shell, variables));
  // Only for a person's eyes: eval would run it again.
  if (context.stdout.isTerminal && !context.quiet) {
    const words = [
      "mk env",
      ...(isOn(flags, "unset") ? ["--unset"] : []),
      ...(given === undefined ? [] : [`--shell=${given}`]),
      ...(name === DEFAULT_MACHINE ? [] : [name]),
    ];
    context.stdout.line(`# ${howToUse(shell, words.join(" "))}`);
  }

  async function variablesOf(machineName: string): Promise<Record<string, string | undefined>> {
    const machine = await (await context.mk()).machine(machineName);
    const { host, certPath } = await machine.docker({ signal: context.signal });
    return {
      DOCKER_TLS_VERIFY: certPath === undefined ? undefined : "1",
      DOCKER_HOST: host,
      DOCKER_CERT_PATH: certPath,
      MK_ACTIVE_MACHINE: machineName,
      // Whoever finds another DOCKER_HOST knows that the user has set it since.
      MK_ACTIVE_DOCKER_HOST: host,
      ...noProxyVariables(addressIn(host), context.env),
    };
  }
};

/** Of `tcp://address:port`, where an IPv6 address stands in brackets. */
function addressIn(dockerHost: string): string {
  return dockerHost.replace(/^tcp:\/\/\[?|\]?:\d+$/g, "");
}

/** NO_PROXY stays as it is: what is excepted there does no harm, and may have been before. */
const UNSET = {
  DOCKER_TLS_VERIFY: undefined,
  DOCKER_HOST: undefined,
  DOCKER_CERT_PATH: undefined,
  MK_ACTIVE_MACHINE: undefined,
  MK_ACTIVE_DOCKER_HOST: undefined,
};
