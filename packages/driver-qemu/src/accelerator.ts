import { randomUUID } from "node:crypto";
import type { GuestArch, Host } from "@mk/core";
import type { Installation } from "./installation.js";
import { AMD64_EXIT_CODE, AMD64_EXIT_PORT, amd64ProbeRom, arm64ProbeArguments } from "./probe-payload.js";

export type Accelerator = "kvm" | "hvf" | "whpx" | "tcg";

/** Which accelerators ran a guest instruction. Plain JSON. */
export interface AcceleratorFinding {
  /** The best that works; undefined when not even emulation does. */
  readonly works?: Accelerator;
  readonly failed: readonly { readonly accelerator: Accelerator; readonly reason: string }[];
}

/** A working accelerator needs some 50 ms; one that has not run a few instructions by then never will. */
const PROBE_DEADLINE_MS = 2_000;

/**
 * The best accelerator on which a guest's instructions really ran, tried on a machine without firmware and kept until the host reboots or
 * QEMU changes. A device that can be opened is no proof: on some nested hosts KVM makes machines that never execute anything.
 */
export async function findAccelerator(
  host: Host,
  arch: GuestArch,
  installation: Installation,
  signal: AbortSignal,
): Promise<AcceleratorFinding> {
  const key = `${installation.key}-accel`;
  const known = await host.cache.read(key);
  if (isFinding(known)) return known;
  const failed: { accelerator: Accelerator; reason: string }[] = [];
  let works: Accelerator | undefined;
  for (const accelerator of candidates(host, arch)) {
    const reason = await tryAccelerator(host, arch, installation, accelerator, signal);
    if (reason === undefined) {
      works = accelerator;
      break;
    }
    failed.push({ accelerator, reason });
  }
  const finding: AcceleratorFinding = { ...(works && { works }), failed };
  await host.cache.write(key, finding);
  return finding;
}

/** How a machine without acceleration runs, for `status` and the log; undefined when it is accelerated. */
export function explainEmulation({ works, failed }: AcceleratorFinding): string | undefined {
  if (works !== "tcg") return undefined;
  const why = failed.map(({ accelerator, reason }) => `${accelerator}: ${reason}`).join("; ");
  return `software emulation${why && `; ${why}`}`;
}

/** The accelerator of this system first, if the guest has the host's architecture; emulation last. */
function candidates(host: Host, arch: GuestArch): readonly Accelerator[] {
  const native = (host.arch === "x64" && arch === "amd64") || (host.arch === "arm64" && arch === "arm64");
  if (!native) return ["tcg"];
  switch (host.platform) {
    case "linux":
      return ["kvm", "tcg"];
    case "darwin":
      return ["hvf", "tcg"];
    case "win32":
      return ["whpx", "tcg"];
    default:
      return ["tcg"];
  }
}

/** The CPU model that goes with an accelerator when the user names none. */
export function defaultCpu(arch: GuestArch, accelerator: Accelerator): string {
  switch (accelerator) {
    case "kvm":
    case "hvf":
      return "host";
    case "whpx":
      return arch === "amd64" ? "qemu64" : "host";
    case "tcg":
      // Pointer authentication by QEMU's own algorithm: the architected one is several times slower to emulate.
      return arch === "amd64" ? "max" : "max,pauth-impdef=on";
    default:
      return accelerator satisfies never;
  }
}

/** Undefined when it works, else why not. */
async function tryAccelerator(
  host: Host,
  arch: GuestArch,
  { binary }: Installation,
  accelerator: Accelerator,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(PROBE_DEADLINE_MS);
  // A directory of this probe's own: another mk may probe at the same time.
  const directory = await host.runDirectory(`probe-${randomUUID().slice(0, 8)}`);
  const args = [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "16M"],
    ...["-accel", accelerator === "whpx" ? "whpx,kernel-irqchip=off" : accelerator],
    ...["-cpu", defaultCpu(arch, accelerator)],
    ...(await payload(host, arch, directory)),
  ];
  try {
    const expected = arch === "amd64" ? AMD64_EXIT_CODE : 0;
    const result = await host.run(binary, args, { signal: AbortSignal.any([signal, deadline]), allowFailure: true });
    if (result.exitCode === expected) return undefined;
    return failureOf(result.stderr) ?? `QEMU ended with exit code ${result.exitCode}`;
  } catch (error) {
    signal.throwIfAborted();
    if (!deadline.aborted) throw error;
    return `no guest instruction ran within ${PROBE_DEADLINE_MS / 1000} s`;
  } finally {
    await host.files.remove(directory);
  }
}

async function payload(host: Host, arch: GuestArch, directory: string): Promise<readonly string[]> {
  if (arch === "arm64") return ["-machine", "virt", ...arm64ProbeArguments()];
  const rom = `${directory}/rom`;
  await host.files.write(rom, amd64ProbeRom());
  return ["-machine", "q35", "-bios", rom, "-device", `isa-debug-exit,iobase=${AMD64_EXIT_PORT},iosize=2`];
}

/** The first line of what QEMU said, without its own name and path. */
function failureOf(stderr: string): string | undefined {
  const line = stderr.split("\n").find((text) => text.trim() !== "");
  return line?.replace(/^\S*qemu-system-\S+: (?:error: )?/, "").trim();
}

function isFinding(value: unknown): value is AcceleratorFinding {
  return typeof value === "object" && value !== null && Array.isArray((value as { failed?: unknown }).failed);
}
