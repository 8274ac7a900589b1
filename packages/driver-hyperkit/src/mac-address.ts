import { type Host, MkError } from "@mk/core";
import { normalizeMacAddress } from "@mk/vm";
import { macCommandLine } from "./command-line.js";
import { launchError } from "./launch-error.js";

/** The MAC address that `hyperkit -M` prints; undefined when it printed none. */
export function parseMac(output: string): string | undefined {
  const found = /^MAC: ([0-9a-f:]+)\s*$/im.exec(output)?.[1];
  return found === undefined ? undefined : normalizeMacAddress(found);
}

/**
 * The MAC address that vmnet gives a machine. macOS chooses it, the same for the same UUID, and tells it only to a process
 * that creates the interface: hence HyperKit itself is asked.
 */
export async function askMacAddress(
  host: Host,
  binary: string,
  machine: { readonly name: string; readonly id: string },
  signal: AbortSignal,
): Promise<string> {
  const result = await host.run(binary, macCommandLine(machine.id), { signal, allowFailure: true });
  const mac = parseMac(result.stdout);
  if (mac !== undefined) return mac;
  if (result.exitCode !== 0) throw launchError(machine.name, result.stdout + result.stderr, result.exitCode);
  throw new MkError("PROTOCOL_ERROR", `${binary} -M printed no MAC address: ${result.stdout.trim().slice(0, 200)}`, {
    hint: "Install HyperKit 0.20190201 or later.",
  });
}
