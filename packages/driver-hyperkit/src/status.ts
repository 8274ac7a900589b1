import { type DriverStatus, type Host, MkError, type OptionValues, type StatusRequest } from "@mk/core";
import { macCommandLine } from "./command-line.js";
import { parseMac } from "./mac-address.js";
import type { options } from "./options.js";
import { isNewEnough, OLDEST_VERSION, parseVersion } from "./version.js";

/** Any UUID that no machine has: vmnet remembers a MAC address for each it sees. */
const PROBE_ID = "6d6b2d70-726f-4265-8000-68797065726b";

/** Tries HyperKit: its version, then a VM and a vmnet interface that exist for a moment. */
export async function status(
  host: Host,
  signal: AbortSignal,
  machine?: StatusRequest<OptionValues<typeof options>>,
): Promise<DriverStatus> {
  signal.throwIfAborted();
  if (host.platform !== "darwin" || host.arch !== "x64") {
    return {
      status: "missing",
      code: "not-an-intel-mac",
      reason: `HyperKit needs macOS on an Intel CPU, this is ${host.platform} on ${host.arch}`,
      fix: "Use the qemu driver.",
    };
  }
  const binary = machine?.options.binary ?? (await host.which("hyperkit"));
  if (binary === undefined) return notFound();
  const { stdout, stderr } = await host.run(binary, ["-v"], { signal, allowFailure: true });
  const version = parseVersion(`${stdout}\n${stderr}`);
  if (version === undefined) {
    return unhealthy("version-unknown", `${binary} -v tells no version`, "Reinstall HyperKit.");
  }
  if (!isNewEnough(version)) {
    return {
      ...unhealthy("too-old", `HyperKit ${version} is older than ${OLDEST_VERSION}`, "Install a newer HyperKit."),
      version,
    };
  }
  return { ...(await tryVm(host, binary, signal)), version };
}

async function tryVm(host: Host, binary: string, signal: AbortSignal): Promise<DriverStatus> {
  const { stdout, stderr, exitCode } = await host.run(binary, macCommandLine(PROBE_ID), { signal, allowFailure: true });
  const output = `${stdout}\n${stderr}`;
  if (parseMac(output) !== undefined) return { status: "ready", note: NOTE };
  if (/Unable to create VM/.test(output)) return refusedVm(host, binary, signal);
  if (/Could not create vmnet interface/.test(output)) {
    // The VM was made: the network is all that lacks, and without root it must.
    if (host.user.uid !== 0) return { status: "ready", note: `${NOTE}; vmnet was not tried, it is for root alone` };
    const fix = "Allow hyperkit in the macOS firewall, and turn Internet Sharing off and on.";
    return unhealthy("vmnet-refused", "macOS refuses a vmnet interface even to root", fix);
  }
  const said = output.trim().slice(-300) || "nothing";
  return unhealthy(
    "probe-failed",
    `${binary} ended with exit code ${exitCode} and said: ${said}`,
    "Reinstall HyperKit.",
  );
}

const NOTE = "runs as root, in a process of its own";

/** macOS 11 and later refuse VMs to programs whose signature lacks the entitlement: Homebrew's builds had none. */
async function refusedVm(host: Host, binary: string, signal: AbortSignal): Promise<DriverStatus> {
  const args = ["--display", "--entitlements", "-", "--xml", binary];
  const signature = await codesign(host, args, signal);
  if (signature !== undefined && !signature.includes("com.apple.security.hypervisor")) {
    const reason = `macOS refuses a VM to ${binary}: its signature lacks the entitlement com.apple.security.hypervisor`;
    const fix = `Sign it: codesign --sign - --force --entitlements app.entitlements ${binary}, with HyperKit's app.entitlements.`;
    return unhealthy("not-entitled", reason, fix);
  }
  const reason = "macOS refuses to create a VM: the CPU has no virtualization left for HyperKit";
  return unhealthy(
    "vm-refused",
    reason,
    "End other hypervisors, and enable nested virtualization if this Mac is a VM.",
  );
}

async function codesign(host: Host, args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await host.run("codesign", args, { signal, allowFailure: true });
    return `${stdout}\n${stderr}`;
  } catch (error) {
    // Without Apple's command line tools there is no codesign: then the signature stays unknown.
    if (MkError.is(error, "COMMAND_NOT_FOUND")) return undefined;
    throw error;
  }
}

function notFound(): DriverStatus {
  return {
    status: "missing",
    code: "hyperkit-not-found",
    reason: "hyperkit is not on the PATH",
    // Homebrew disabled its formula on 2025-06-21, so there is no package to name.
    fix: "Build HyperKit from github.com/moby/hyperkit, or use the qemu driver.",
  };
}

function unhealthy(code: string, reason: string, fix: string) {
  return { status: "unhealthy", code: `hyperkit-${code}`, reason, fix } as const;
}
