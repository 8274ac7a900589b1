import { MkError } from "@mk/core";

export interface PluginAddress {
  readonly host: string;
  readonly port: number;
}

/** Parses what a plugin printed. PROTOCOL_ERROR for what is no loopback address: mk must never be made to call elsewhere. */
export function parsePluginAddress(line: string): PluginAddress {
  const match = /^(?:(127(?:\.\d{1,3}){3}|localhost)|\[(::1)\]):(\d{1,5})$/.exec(line);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new MkError(
      "PROTOCOL_ERROR",
      `the plugin printed ${JSON.stringify(line.slice(0, 100))}, which is no loopback address`,
      {
        hint: "Check that the program is a docker-machine driver.",
      },
    );
  }
  // A name would be resolved: say what it means.
  return { host: match[2] ?? (match[1] === "localhost" ? "127.0.0.1" : match[1]!), port };
}
