import { type DriverStatus, type Host, hostArch, MkError, type OptionValues, type StatusRequest } from "@mk/core";
import { type AcceleratorFinding, explainEmulation, findAccelerator } from "./accelerator.js";
import { findInstallation, type Installation, packagesFor } from "./installation.js";
import type { options } from "./options.js";

/** Whether QEMU runs guests here, of the host's own architecture unless another is wanted, found by running one. */
export async function status(
  host: Host,
  signal: AbortSignal,
  machine?: StatusRequest<OptionValues<typeof options>>,
): Promise<DriverStatus> {
  const arch = machine?.arch ?? hostArch(host);
  let installation: Installation;
  try {
    installation = await findInstallation(host, arch, machine?.options.binary, signal);
  } catch (error) {
    if (!MkError.is(error)) throw error;
    const missing = error.code === "COMMAND_NOT_FOUND";
    if (!missing && error.code !== "DRIVER_UNAVAILABLE") throw error;
    return {
      status: missing ? "missing" : "unhealthy",
      code: missing ? "qemu-not-found" : "qemu-unusable",
      reason: error.message,
      ...(error.hint !== undefined && { fix: error.hint }),
      packages: packagesFor(arch),
    };
  }
  const { version, binary } = installation;
  const demanded = machine?.options.accelerator ?? "auto";
  // A start takes what the user demands untried, so nothing is tried here either.
  if (demanded !== "auto") return { status: "ready", version, facts: { binary, accelerator: demanded } };
  const finding = await findAccelerator(host, arch, installation, signal);
  if (finding.works === undefined) {
    return {
      status: "unhealthy",
      code: "qemu-runs-no-guest",
      reason: `no guest instruction ran: ${finding.failed.map((each) => `${each.accelerator}: ${each.reason}`).join("; ")}`,
      fix: "Install QEMU anew.",
      version,
    };
  }
  const note = explainEmulation(finding);
  const advice = adviceFor(finding, host);
  return {
    status: "ready",
    version,
    ...(note !== undefined && { note }),
    ...(advice !== undefined && { advice }),
    facts: { binary, accelerator: finding.works },
  };
}

function adviceFor({ failed }: AcceleratorFinding, host: Host): string | undefined {
  const reason = failed.find(({ accelerator }) => accelerator !== "tcg")?.reason;
  if (reason === undefined) return undefined;
  if (/permission denied/i.test(reason)) {
    return host.platform === "linux"
      ? `Add yourself to the group kvm with "sudo usermod -aG kvm ${host.user.name}" and log in again.`
      : "Allow QEMU to use the hypervisor.";
  }
  if (host.platform === "linux" && /no such file/i.test(reason)) {
    return "Turn on virtualization in the computer's firmware, or nested virtualization of the machine this one runs in.";
  }
  if (host.platform === "win32") return "Turn on the Windows Hypervisor Platform feature.";
  return undefined;
}
