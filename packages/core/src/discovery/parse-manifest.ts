import { CONTRACT_VERSION } from "../contract/driver.js";
import { isRecord } from "../is-record.js";
import { UPDATE_MK, unsupportedContract } from "../registry/check-driver.js";
import { isDriverName } from "../registry/driver-name.js";
import type { DriverManifest } from "../registry/entry.js";
import { firstPartyDriver } from "../registry/first-party.js";
import { coreFit } from "./core-range.js";
import { unsupportedPlatform } from "./platform.js";
import { Rejection } from "./rejection.js";

/** What a package is held against. */
export interface Here {
  /** As `process.platform`. */
  readonly platform: string;
  /** As `process.arch`. */
  readonly arch: string;
  /** The user's id; undefined on Windows. */
  readonly uid: number | undefined;
  /** Of @mk/core: what drivers' peer ranges are held against. */
  readonly coreVersion: string;
}

/** Proves the fields of a driver's package.json. Throws {@link Rejection}. */
export function parseManifest(
  json: Readonly<Record<string, unknown>>,
  expectedName: string | undefined,
  here: Here,
): Omit<DriverManifest, "directory" | "entry"> {
  const { name: packageName, version } = json;
  if (typeof packageName !== "string" || typeof version !== "string") {
    throw new Rejection("invalid", "its package.json has no name or version");
  }
  // A package that lies as `mk-driver-x` and calls itself @mk/driver-qemu wants to be taken for another.
  if (expectedName !== undefined && packageName !== expectedName) {
    throw new Rejection("invalid", `its package.json claims to be ${JSON.stringify(packageName)}`);
  }
  const { name, aliases, api } = parseOwnField(json.mk, packageName, `${packageName}@${version}`);
  const facts = { name, origin: `${packageName}@${version}` };
  if (api !== CONTRACT_VERSION) {
    const { message, hint } = unsupportedContract("it", api);
    throw new Rejection("unsupported", message.replace(/^it /, ""), {
      ...facts,
      ...(hint !== undefined && { fix: hint }),
    });
  }
  const os = listOf(json.os);
  const cpu = listOf(json.cpu);
  const platform = { ...(os !== undefined && { os }), ...(cpu !== undefined && { cpu }) };
  const elsewhere = unsupportedPlatform(platform, here);
  if (elsewhere !== undefined) throw new Rejection("unsupported", elsewhere, facts);
  assertCore(json, here.coreVersion, facts);
  return { name, aliases, packageName, version, api, ...platform };
}

/** `"mk": { "driver": "kvm2", "api": 1, "aliases": ["kvm"] }` */
function parseOwnField(mk: unknown, packageName: string, origin: string) {
  if (!isRecord(mk)) throw new Rejection("invalid", 'its package.json has no "mk" field', { origin });
  const { driver: name, api, aliases = [] } = mk;
  if (!isDriverName(name)) throw new Rejection("invalid", 'its "mk.driver" is not a driver name', { origin });
  if (!Array.isArray(aliases) || !aliases.every(isDriverName)) {
    throw new Rejection("invalid", 'its "mk.aliases" are not driver names', { name, origin });
  }
  if (typeof api !== "number") throw new Rejection("invalid", 'its "mk.api" is not a number', { name, origin });
  for (const taken of [name, ...aliases]) {
    const owner = firstPartyDriver(taken);
    if (owner === undefined || owner.packageName === packageName) continue;
    throw new Rejection("invalid", `the name ${taken} belongs to ${owner.packageName}`, { name, origin });
  }
  return { name, aliases: aliases as readonly string[], api };
}

/**
 * Core's version is the minor of the contract: what a driver may use beyond the first release of its major. A driver that brings a copy of
 * core of its own runs on this core's host and context all the same: it needs this core to be no older, a peer to be what it says.
 */
function assertCore(
  json: Readonly<Record<string, unknown>>,
  coreVersion: string,
  facts: { name: string; origin: string },
) {
  const peer = rangeOfCore(json.peerDependencies);
  const range = peer ?? rangeOfCore(json.dependencies);
  if (range === undefined) return;
  const fit = coreFit(range, coreVersion);
  switch (fit) {
    case "fits":
      return;
    case "invalid":
      throw new Rejection("invalid", `its range ${JSON.stringify(range)} of @mk/core cannot be read`, facts);
    case "older":
    case "newer":
      if (fit === "newer" && peer === undefined) return;
      throw new Rejection("unsupported", `needs @mk/core ${range}, this is ${coreVersion}`, {
        ...facts,
        fix: fit === "older" ? UPDATE_MK : "Update the driver's package.",
      });
    default:
      throw fit satisfies never;
  }
}

function rangeOfCore(packages: unknown): string | undefined {
  const range = isRecord(packages) ? packages["@mk/core"] : undefined;
  return typeof range === "string" ? range : undefined;
}

/** npm takes a single text for `os` and `cpu` too. */
function listOf(value: unknown): readonly string[] | undefined {
  return typeof value === "string" ? [value] : Array.isArray(value) ? value.map(String) : undefined;
}
