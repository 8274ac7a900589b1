import type { GuestArch } from "@mk/core";
import type { Engine } from "./engine.js";
import { asList, asOptionalString, asRecord } from "./json-reader.js";

/** What an engine says about itself, as far as machines depend on it. */
export interface EngineFacts {
  /** Tells engines apart; survives their restart. */
  readonly id: string;
  readonly version: string;
  /** `linux`, or `windows` for an engine that runs Windows containers. */
  readonly os: string;
  /** Debian's name of the engine's CPU architecture where mk has guests for it, else the engine's own. */
  readonly arch: string;
  readonly product: "docker" | "docker-desktop" | "podman";
  readonly isRootless: boolean;
  readonly isUserRemapped: boolean;
  readonly cgroupVersion: "1" | "2";
  readonly storageDriver: string;
  /** Limits the engine can set; an engine that cannot ignores or refuses them. */
  readonly limits: { readonly cpu: boolean; readonly memory: boolean; readonly swap: boolean };
  readonly cpus: number;
  /** Why the daemon cannot be used, in its own words. */
  readonly errors: readonly string[];
}

export async function readFacts(engine: Engine, signal: AbortSignal): Promise<EngineFacts> {
  const { body } = await engine.call({ method: "GET", path: ["info"] }, signal);
  const info = asRecord(body, "the engine's information");
  const security = asList(info.SecurityOptions, "SecurityOptions").map(String);
  const arch = String(info.Architecture ?? "");
  return {
    id: asOptionalString(info.ID) ?? asOptionalString(info.Name) ?? engine.place.host,
    version: asOptionalString(engine.version.Version) ?? "unknown",
    os: asOptionalString(info.OSType) ?? "linux",
    arch: DEBIAN_ARCH[arch] ?? arch,
    product: productOf(engine, info),
    isRootless: security.some((option) => option.startsWith("name=rootless")),
    isUserRemapped: security.some((option) => option.startsWith("name=userns")),
    cgroupVersion: info.CgroupVersion === "2" ? "2" : "1",
    storageDriver: asOptionalString(info.Driver) ?? "unknown",
    limits: { cpu: info.CpuCfsQuota === true, memory: info.MemoryLimit === true, swap: info.SwapLimit === true },
    cpus: typeof info.NCPU === "number" ? info.NCPU : 0,
    errors: asList(info.ServerErrors, "ServerErrors").map(String),
  };
}

/** Why machines of this architecture cannot be made in the engine, and what to do; undefined when they can: it runs no guest of another. */
export function archMismatch(
  { arch: engineArch }: EngineFacts,
  arch: GuestArch,
): { readonly reason: string; readonly fix: string } | undefined {
  if (engineArch === arch) return undefined;
  return {
    reason: `the Docker Engine runs on ${engineArch} and has no machines for ${arch}`,
    fix: `Create the machine for ${engineArch}, or choose a driver that emulates ${arch}, such as qemu.`,
  };
}

const DEBIAN_ARCH: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  amd64: "amd64",
  aarch64: "arm64",
  arm64: "arm64",
};

function productOf(engine: Engine, info: Readonly<Record<string, unknown>>): EngineFacts["product"] {
  const components = asList(engine.version.Components, "Components").map((item) => asRecord(item, "a component").Name);
  if (components.includes("Podman Engine")) return "podman";
  return info.OperatingSystem === "Docker Desktop" ? "docker-desktop" : "docker";
}
