import { isIP } from "node:net";
import { formatSubnet, MkError, messageOf, parseSubnet } from "@mk/core";
import { type DockerOptions, options } from "./options.js";

/** What is persisted of the driver's options. Hardware, ports and mounts are read from the spec, which core keeps. */
export interface DockerConfig {
  readonly version: 1;
  /** Address on which ports are published. Absent: loopback, or every address of a remote engine. */
  readonly listenAddress?: string;
  /** In its canonical form. Absent: the first free one. */
  readonly subnet?: string;
  readonly privileges: DockerOptions["privileges"];
}

/** Throws INVALID_OPTION for an address or a subnet that is none. */
export function createConfig({ listenAddress, subnet, privileges }: DockerOptions): DockerConfig {
  if (listenAddress !== undefined && isIP(listenAddress) === 0) {
    throw invalid("listenAddress", listenAddress, "is not an IP address", "Give an IP address such as 127.0.0.1.");
  }
  const parsed = subnet === undefined ? undefined : parseSubnet(subnet);
  // A smaller one has no room for the network's own addresses, the gateway and the machine; a larger one is nobody's intention.
  if (subnet !== undefined && (parsed === undefined || parsed.prefix > 29 || parsed.prefix < 8)) {
    throw invalid("subnet", subnet, "is not an IPv4 subnet of /8 to /29", "Give a subnet such as 192.168.100.0/24.");
  }
  return {
    version: 1,
    ...(listenAddress !== undefined && { listenAddress }),
    ...(parsed !== undefined && { subnet: formatSubnet(parsed) }),
    privileges,
  };
}

/** Throws CONFIG_CORRUPT for anything this driver did not write, STATE_TOO_NEW for what a later version of it wrote. */
export function parseConfig(raw: unknown): DockerConfig {
  if (typeof raw !== "object" || raw === null) throw corrupt("it is not an object");
  const { version, listenAddress, subnet, privileges } = raw as Readonly<Record<string, unknown>>;
  if (typeof version === "number" && version > 1) {
    throw new MkError(
      "STATE_TOO_NEW",
      `the machine's docker configuration has version ${version}, this driver writes 1`,
      {
        hint: "Update @mk/driver-docker.",
      },
    );
  }
  if (version !== 1) throw corrupt("it has no version");
  const known = options.privileges.choices.find((choice) => choice === privileges);
  if (known === undefined) throw corrupt("privileges is none of its choices");
  try {
    return createConfig({ listenAddress: optional(listenAddress), subnet: optional(subnet), privileges: known });
  } catch (error) {
    throw corrupt(messageOf(error), error);
  }
}

function optional(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new TypeError(`${JSON.stringify(value)} is not a string`);
}

function invalid(option: string, value: string, why: string, hint: string): MkError {
  return new MkError("INVALID_OPTION", `docker option ${option}: ${JSON.stringify(value)} ${why}`, {
    hint,
    details: { option, value },
  });
}

function corrupt(why: string, cause?: unknown): MkError {
  return new MkError("CONFIG_CORRUPT", `the machine's docker configuration cannot be read: ${why}`, {
    hint: "Delete the machine and create it again.",
    cause,
  });
}
