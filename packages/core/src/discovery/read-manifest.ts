import { closeSync, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { CONTRACT_VERSION } from "../contract/driver.js";
import { unsupportedContract } from "../registry/check-driver.js";
import { isDriverName } from "../registry/driver-name.js";
import type { DriverManifest, SkippedDriver } from "../registry/entry.js";
import { firstPartyDriver } from "../registry/first-party.js";
import { acceptsCore } from "./core-range.js";
import { mainModule } from "./main-module.js";
import { unsupportedPlatform } from "./platform.js";
import type { Candidate } from "./scan-root.js";
import { distrust } from "./trust.js";

/** A manifest of this size is not a manifest. */
const MAX_BYTES = 256 * 1024;

export interface Here {
  readonly platform: string;
  readonly arch: string;
  /** The user's id; undefined on Windows. */
  readonly uid: number | undefined;
  readonly coreVersion: string;
}

/** Reads a candidate's package.json and nothing else of it: its manifest, or why it cannot be used. */
export function readManifest(candidate: Candidate, here: Here): DriverManifest | SkippedDriver {
  const fallbackName = driverNameOf(candidate.packageName ?? candidate.directory);
  const skip = (
    kind: SkippedDriver["kind"],
    reason: string,
    more: { name?: string; origin?: string; fix?: string } = {},
  ) => ({
    name: more.name ?? fallbackName,
    origin: more.origin ?? candidate.directory,
    kind,
    reason,
    ...fixOf(more.fix),
  });

  let directory: string;
  let text: string;
  try {
    directory = realpathSync(candidate.directory);
    const path = join(directory, "package.json");
    const suspicion =
      distrust(dirname(directory), here.uid) ?? distrust(directory, here.uid) ?? distrust(path, here.uid);
    if (suspicion !== undefined) {
      return skip("untrusted", suspicion, { fix: "Install it as this user, and let nobody else write to it." });
    }
    text = readSmallFile(path);
  } catch (cause) {
    const reason =
      cause instanceof TooLarge ? "its package.json is larger than 256 KB" : "its package.json cannot be read";
    return skip("invalid", reason, { fix: "Install it again, or remove it." });
  }

  const manifest = parseObject(text);
  if (manifest === undefined) return skip("invalid", "its package.json is not a JSON object");
  const { name: packageName, version, mk } = manifest;
  if (typeof packageName !== "string" || typeof version !== "string")
    return skip("invalid", "its package.json has no name or version");
  if (candidate.packageName !== undefined && packageName !== candidate.packageName) {
    return skip("invalid", `its package.json claims to be ${JSON.stringify(packageName)}`);
  }
  const origin = `${packageName}@${version}`;
  if (!isRecord(mk)) return skip("invalid", 'its package.json has no "mk" field', { origin });
  const { driver: name, api, aliases = [] } = mk;
  if (!isDriverName(name)) return skip("invalid", 'its "mk.driver" is not a driver name', { origin });
  const skipNamed = (kind: SkippedDriver["kind"], reason: string, fix?: string) =>
    skip(kind, reason, { name, origin, ...fixOf(fix) });
  if (!Array.isArray(aliases) || !aliases.every(isDriverName))
    return skipNamed("invalid", 'its "mk.aliases" are not driver names');
  for (const taken of [name, ...aliases]) {
    const owner = firstPartyDriver(taken);
    if (owner !== undefined && owner.packageName !== packageName) {
      return skipNamed("invalid", `the name ${taken} belongs to ${owner.packageName}`);
    }
  }
  if (typeof api !== "number") return skipNamed("invalid", 'its "mk.api" is not a number');
  if (api !== CONTRACT_VERSION) {
    const error = unsupportedContract("it", api);
    return skipNamed("unsupported", error.message.replace(/^it /, ""), error.hint);
  }
  const os = platformsOf(manifest.os);
  const cpu = platformsOf(manifest.cpu);
  const platform = { ...(os !== undefined && { os }), ...(cpu !== undefined && { cpu }) };
  const elsewhere = unsupportedPlatform(platform, here);
  if (elsewhere !== undefined) return skipNamed("unsupported", elsewhere);
  const peers = isRecord(manifest.peerDependencies) ? manifest.peerDependencies : {};
  const range = peers["@mk/core"];
  if (typeof range === "string") {
    const accepted = acceptsCore(range, here.coreVersion);
    if (accepted === "invalid")
      return skipNamed("invalid", `its peer range ${JSON.stringify(range)} of @mk/core cannot be read`);
    if (!accepted) {
      return skipNamed(
        "unsupported",
        `needs @mk/core ${range}, this is ${here.coreVersion}`,
        `Update mk and the driver: npm i -g @mk/cli ${packageName}`,
      );
    }
  }
  const entry = mainModule(directory, manifest);
  if (entry === undefined) {
    return skipNamed(
      "invalid",
      "its main module is missing or lies outside the package",
      `Install it again: npm i -g ${packageName}`,
    );
  }
  const suspicion = distrust(entry, here.uid);
  if (suspicion !== undefined) return skipNamed("untrusted", suspicion);
  return { name, aliases, packageName, version, directory, entry, api, ...platform };
}

class TooLarge extends Error {}

/** Reads through one descriptor, so that what was measured is what is read. */
function readSmallFile(path: string): string {
  const fd = openSync(path, "r");
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error(`${path} is not a file`);
    if (stat.size > MAX_BYTES) throw new TooLarge();
    const buffer = Buffer.alloc(stat.size);
    const length = readSync(fd, buffer, 0, stat.size, 0);
    return buffer.toString("utf8", 0, length);
  } finally {
    closeSync(fd);
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** npm takes a single text for `os` and `cpu` too. */
function platformsOf(value: unknown): readonly string[] | undefined {
  return typeof value === "string" ? [value] : Array.isArray(value) ? value.map(String) : undefined;
}

/** A name for messages about a package whose manifest could not be read: `@x/mk-driver-foo` → `foo`. */
function driverNameOf(packageName: string): string {
  return packageName.replace(/^.*[\\/]/, "").replace(/^(mk-)?driver-/, "");
}

function fixOf(fix: string | undefined): { readonly fix?: string } {
  return fix === undefined ? {} : { fix };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
