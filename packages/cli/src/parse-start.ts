import { isAbsolute, resolve } from "node:path";
import {
  type GuestArch,
  MkError,
  type MountSpec,
  type PortSpec,
  parseCount,
  parseSizeMiB,
  type StartRequest,
} from "@mk/core";
import { type Flags, list, text } from "./flags.js";

const ALLOWED = ["live", "restart", "recreate"] as const;

/** The settings of `mk start` as flags give them; what was not given is left out. INVALID_ARGUMENT names the flag. */
export function parseStartFlags(
  flags: Flags,
  cwd: string,
): Omit<StartRequest, "name" | "driver" | "options" | "imageDigest"> {
  const cpus = text(flags, "cpus");
  const memory = text(flags, "memory");
  const disk = text(flags, "diskSize");
  const arch = text(flags, "arch");
  const allow = text(flags, "allow");
  const mounts = list(flags, "mount").map((mount) => parseMount(mount, cwd));
  const ports = list(flags, "port").map((port) => parsePort(port, "--port"));
  return {
    ...(cpus !== undefined && { cpus: parseCount(cpus, "--cpus") }),
    ...(memory !== undefined && { memoryMiB: parseSizeMiB(memory, "--memory") }),
    ...(disk !== undefined && { diskMiB: parseSizeMiB(disk, "--disk-size") }),
    ...(arch !== undefined && { arch: parseArch(arch) }),
    ...(allow !== undefined && { allow: parseChoice("--allow", allow, ALLOWED) }),
    ...(mounts.length > 0 && { mounts }),
    ...(ports.length > 0 && { ports }),
    ...parseTimeout(flags),
  };
}

/** `--timeout 90` → `{ timeoutMs: 90000 }`; nothing when it was not given. */
export function parseTimeout(flags: Flags): { readonly timeoutMs?: number } {
  const seconds = text(flags, "timeout");
  return seconds === undefined ? {} : { timeoutMs: parseCount(seconds, "--timeout", 86_400) * 1000 };
}

/** Debian's names, and those Node and the kernel have for the same. */
export function parseArch(given: string): GuestArch {
  const names: Readonly<Record<string, GuestArch>> = {
    amd64: "amd64",
    x64: "amd64",
    x86_64: "amd64",
    arm64: "arm64",
    aarch64: "arm64",
  };
  const arch = Object.hasOwn(names, given) ? names[given] : undefined;
  if (arch !== undefined) return arch;
  throw new MkError("INVALID_ARGUMENT", `--arch ${JSON.stringify(given)} is not an architecture mk has a guest for`, {
    hint: "Choose amd64 or arm64.",
  });
}

/** `source:target[:ro|:rw]`; a relative source is taken from the working directory, a drive letter belongs to its path. */
export function parseMount(given: string, cwd: string): MountSpec {
  const match = /^((?:[A-Za-z]:[\\/])?[^:]+):(\/[^:]*)(?::(ro|rw))?$/s.exec(given);
  const [, source, target, mode] = match ?? [];
  if (source === undefined || target === undefined) {
    throw new MkError(
      "INVALID_ARGUMENT",
      `--mount ${JSON.stringify(given)} is not <directory>:<absolute path in the guest>[:ro]`,
      {
        hint: "Write it like --mount ./src:/home/mk/src",
      },
    );
  }
  return { source: isAbsolute(source) ? source : resolve(cwd, source), target, readOnly: mode === "ro" };
}

/** `guest`, `host:guest`, `address:host:guest`, `[v6 address]:host:guest`; without an address loopback, without a host port any. */
export function parsePort(given: string, what: string): PortSpec {
  const match = /^(?:(?:(\[[0-9a-fA-F:]+\]|[0-9.]+):)?(\d{1,5}):)?(\d{1,5})(?:\/tcp)?$/.exec(given);
  const guestPort = Number(match?.[3]);
  const hostPort = Number(match?.[2] ?? 0);
  if (match === null || !(guestPort >= 1 && guestPort <= 65_535 && hostPort <= 65_535)) {
    throw new MkError("INVALID_ARGUMENT", `${what} ${JSON.stringify(given)} is not [[address:]host port:]guest port`, {
      hint: "Write it like 8080:80.",
    });
  }
  return { hostAddress: match[1]?.replace(/^\[|\]$/g, "") ?? "127.0.0.1", hostPort, guestPort };
}

function parseChoice<T extends string>(flag: string, given: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === given);
  if (choice !== undefined) return choice;
  throw new MkError("INVALID_ARGUMENT", `${flag} does not take ${JSON.stringify(given)}`, {
    hint: `Choose one of: ${choices.join(", ")}.`,
  });
}
