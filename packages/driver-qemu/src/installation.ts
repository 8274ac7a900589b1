import { createHash } from "node:crypto";
import { type GuestArch, type Host, MkError } from "@mk/core";

/** A QEMU binary and what it says about itself. Plain JSON. */
export interface Installation {
  /** As found: follows upgrades. */
  readonly binary: string;
  /** `7.2.22` */
  readonly version: string;
  /** The newest versioned machine type: `pc-q35-7.2`, `virt-7.2`. */
  readonly machineType: string;
  readonly machineTypes: readonly string[];
  /** Short; changes with the binary's file. */
  readonly key: string;
}

/** JSON for -device and -object, which keeps paths from being read as options, came with 6.2. */
const OLDEST = [6, 2] as const;

const PROGRAMS = { amd64: "qemu-system-x86_64", arm64: "qemu-system-aarch64" } as const;

/** Packages with the emulator and its firmware, for `mk doctor --fix`. */
export function packagesFor(arch: GuestArch): Readonly<Record<string, readonly string[]>> {
  return {
    apt: [arch === "amd64" ? "qemu-system-x86" : "qemu-system-arm"],
    dnf: [arch === "amd64" ? "qemu-system-x86-core" : "qemu-system-aarch64-core"],
    pacman: [arch === "amd64" ? "qemu-system-x86" : "qemu-system-aarch64"],
    brew: ["qemu"],
    winget: ["SoftwareFreedomConservancy.QEMU"],
  };
}

/**
 * The QEMU for guests of this architecture, asked anew when the binary's file changed. `binary` is used when given, else PATH, else the
 * places installers put it that are often not in PATH.
 *
 * COMMAND_NOT_FOUND when there is none, DRIVER_UNAVAILABLE when it does not run or is too old.
 */
export async function findInstallation(
  host: Host,
  arch: GuestArch,
  binary: string | undefined,
  signal: AbortSignal,
): Promise<Installation> {
  const path = binary ?? (await findBinary(host, arch));
  const file = path === undefined ? undefined : ((await host.files.realpath(path)) ?? undefined);
  const stat = file === undefined ? undefined : await host.files.stat(file);
  if (path === undefined || stat === undefined) {
    throw new MkError("COMMAND_NOT_FOUND", `${binary ?? PROGRAMS[arch]} was not found`, {
      hint: binary === undefined ? installHint(host, arch) : "Give the path of an installed QEMU.",
      details: { program: binary ?? PROGRAMS[arch], packages: packagesFor(arch) },
    });
  }
  const facts = [arch, path, file, stat.size, stat.mtimeMs].join("\n");
  const key = `qemu-${createHash("sha256").update(facts).digest("hex").slice(0, 16)}`;
  const known = await host.cache.read(key);
  if (isInstallation(known)) return known;
  const found = { ...(await ask(host, arch, path, signal)), key };
  await host.cache.write(key, found);
  return found;
}

function installHint(host: Host, arch: GuestArch): string {
  const packages = packagesFor(arch);
  switch (host.platform) {
    case "darwin":
      return `Install it with "brew install ${packages.brew?.[0]}".`;
    case "win32":
      return `Install it with "winget install ${packages.winget?.[0]}".`;
    default:
      return `Install QEMU, on Debian with "apt install ${packages.apt?.[0]}".`;
  }
}

async function findBinary(host: Host, arch: GuestArch): Promise<string | undefined> {
  const program = PROGRAMS[arch];
  const inPath = await host.which(program);
  if (inPath !== undefined) return inPath;
  for (const candidate of usualPlaces(host, program)) {
    if ((await host.files.stat(candidate)) !== undefined) return candidate;
  }
  return undefined;
}

function usualPlaces(host: Host, program: string): readonly string[] {
  switch (host.platform) {
    case "darwin":
      return [`/opt/homebrew/bin/${program}`, `/usr/local/bin/${program}`, `/opt/local/bin/${program}`];
    case "win32":
      return [`${host.env.ProgramFiles ?? "C:\\Program Files"}\\qemu\\${program}.exe`];
    default:
      return [];
  }
}

async function ask(
  host: Host,
  arch: GuestArch,
  binary: string,
  signal: AbortSignal,
): Promise<Omit<Installation, "key">> {
  const about = await host.run(binary, ["--version"], { signal, allowFailure: true });
  const machines = await host.run(binary, ["-machine", "help"], { signal, allowFailure: true });
  const version = /version (\d+)\.(\d+)(?:\.\d+)*/.exec(about.stdout);
  if (version === null || machines.exitCode !== 0) {
    throw new MkError("DRIVER_UNAVAILABLE", `${binary} does not run: ${about.stderr.trim() || "it tells no version"}`, {
      hint: "Install QEMU anew.",
      details: { binary, stderr: about.stderr.slice(-2000) },
    });
  }
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new MkError("DRIVER_UNAVAILABLE", `QEMU ${major}.${minor} is too old, mk needs ${OLDEST.join(".")}`, {
      hint: "Upgrade QEMU.",
      details: { binary, version: `${major}.${minor}` },
    });
  }
  const machineTypes = [...machines.stdout.matchAll(/^(\S+)/gm)].map((match) => match[1]!);
  const generic = arch === "amd64" ? "q35" : "virt";
  const alias = new RegExp(`^${generic}\\s.*\\(alias of (\\S+)\\)`, "m").exec(machines.stdout);
  const machineType = alias?.[1] ?? generic;
  return { binary, version: version[0].slice("version ".length), machineType, machineTypes };
}

function isInstallation(value: unknown): value is Installation {
  if (typeof value !== "object" || value === null) return false;
  const { binary, version, machineType, machineTypes, key } = value as Record<string, unknown>;
  return [binary, version, machineType, key].every((text) => typeof text === "string") && Array.isArray(machineTypes);
}
