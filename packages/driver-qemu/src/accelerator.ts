import { randomUUID } from "node:crypto";
import { type GuestArch, type Host, isNativeArch } from "@mk/core";
import type { Installation } from "./installation.js";
import { AMD64_EXIT_CODE, AMD64_EXIT_PORT, amd64ProbeRom, arm64ProbeArguments } from "./probe-payload.js";

export type Accelerator = "kvm" | "hvf" | "whpx" | "tcg";

/** Which accelerators ran a guest instruction. Plain JSON. */
export interface AcceleratorFinding {
  /** The best that works; undefined when not even emulation does. */
  readonly works?: Accelerator;
  readonly failed: readonly { readonly accelerator: Accelerator; readonly reason: string }[];
}

/** A working accelerator needs some 50 ms. One that is not done by then is measured against emulation. */
const PATIENCE_MS = 300;
/** An accelerator that has not run a few instructions so long after emulation has run them never will. */
const BEHIND_MS = 500;

/**
 * The best accelerator on which a guest's instructions really ran, tried on a machine without firmware. A device that can be opened is no
 * proof: on some nested hosts KVM makes machines that never execute anything. The finding is kept until the host reboots or QEMU changes,
 * unless QEMU refused something at once: that is found out again each time, since joining the group kvm takes no reboot.
 */
export async function findAccelerator(
  host: Host,
  arch: GuestArch,
  installation: Installation,
  signal: AbortSignal,
): Promise<AcceleratorFinding> {
  const key = cacheKey(installation);
  const known = await host.cache.read(key);
  if (isFinding(known)) return known;
  const finding = await find(host, nativeAccelerator(host, arch), signal, (accelerator, stop) =>
    tryAccelerator(host, arch, installation, accelerator, stop),
  );
  const isLasting = finding.works !== undefined && finding.failed.every(({ reason }) => reason === HUNG);
  if (isLasting) await host.cache.write(key, finding);
  return finding;
}

/** Has the accelerators tried again at the next question: the finding turned out not to hold. */
export async function forgetAccelerator(host: Host, installation: Installation): Promise<void> {
  await host.cache.write(cacheKey(installation), null);
}

function cacheKey({ key }: Installation): string {
  return `${key}-accel`;
}

/** How a guest fared on an accelerator; without a reason it ran. */
interface Outcome {
  readonly reason?: string;
}

const HUNG = "no guest instruction ran, when emulation had long run it";

async function find(
  host: Host,
  native: Accelerator | undefined,
  signal: AbortSignal,
  trial: (accelerator: Accelerator, signal: AbortSignal) => Promise<Outcome>,
): Promise<AcceleratorFinding> {
  if (native === undefined) return findingOf([["tcg", await trial("tcg", signal)]]);
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  const trying = trial(native, stop);
  try {
    const prompt = await Promise.race([trying, host.delay(PATIENCE_MS, stop)]);
    if (prompt !== undefined && prompt.reason === undefined) return findingOf([[native, prompt]]);
    // When there is no answer yet, the accelerator hangs or the computer is busy: emulation tells one from the other.
    const emulated = await trial("tcg", stop);
    const outcome = prompt ?? (await Promise.race([trying, host.delay(BEHIND_MS, stop)])) ?? { reason: HUNG };
    return findingOf([
      [native, outcome],
      ["tcg", emulated],
    ]);
  } finally {
    done.abort();
    await trying.catch(() => undefined);
  }
}

/** The first that works, and those before it. */
function findingOf(outcomes: readonly (readonly [Accelerator, Outcome])[]): AcceleratorFinding {
  const failed: { accelerator: Accelerator; reason: string }[] = [];
  for (const [accelerator, { reason }] of outcomes) {
    if (reason === undefined) return { works: accelerator, failed };
    failed.push({ accelerator, reason });
  }
  return { failed };
}

/** How a machine without acceleration runs, for `status` and the log; undefined when it is accelerated. */
export function explainEmulation({ works, failed }: AcceleratorFinding): string | undefined {
  if (works !== "tcg") return undefined;
  const why = failed.map(({ accelerator, reason }) => `${accelerator}: ${reason}`).join("; ");
  return `software emulation${why && `; ${why}`}`;
}

/** The accelerator of this system, if the guest has the host's architecture. */
export function nativeAccelerator(host: Host, arch: GuestArch): Accelerator | undefined {
  if (!isNativeArch(host, arch)) return undefined;
  switch (host.platform) {
    case "linux":
      return "kvm";
    case "darwin":
      return "hvf";
    case "win32":
      return "whpx";
    default:
      return undefined;
  }
}

/** The CPU model that goes with an accelerator when the user names none. */
export function defaultCpu(arch: GuestArch, accelerator: Accelerator): string {
  switch (accelerator) {
    case "kvm":
      return "host";
    case "hvf":
      // Intel: QEMU below 10 cannot walk 1 GiB pages there, and kernels die of AVX-512 instructions that hvf announces and does not emulate.
      return arch === "amd64" ? "host,-pdpe1gb,-avx512vl" : "host";
    case "whpx":
      return arch === "amd64" ? "qemu64" : "host";
    case "tcg":
      // Pointer authentication by QEMU's own algorithm: the architected one is several times slower to emulate.
      return arch === "amd64" ? "max" : "max,pauth-impdef=on";
    default:
      return accelerator satisfies never;
  }
}

async function tryAccelerator(
  host: Host,
  arch: GuestArch,
  { binary }: Installation,
  accelerator: Accelerator,
  signal: AbortSignal,
): Promise<Outcome> {
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
    const result = await host.run(binary, args, { signal, allowFailure: true });
    if (result.exitCode === expected) return {};
    return { reason: failureOf(result.stderr) ?? `QEMU ended with exit code ${result.exitCode}` };
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
