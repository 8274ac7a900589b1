import { type DriverStatus, type Host, hostArch, MkError, type OptionValues, type StatusRequest } from "@mk/core";
import { explainEmulation } from "./accelerator.js";
import { adviceFor, chooseAccelerator } from "./choose-accelerator.js";
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
  try {
    const finding = await chooseAccelerator(host, { arch, accelerator: demanded }, installation, signal);
    const note = explainEmulation(finding);
    const [better] = finding.failed;
    const advice = better === undefined ? undefined : adviceFor(better.reason, host);
    return {
      status: "ready",
      version,
      ...(note !== undefined && { note }),
      ...(advice !== undefined && { advice }),
      facts: { binary, accelerator: finding.works },
    };
  } catch (error) {
    if (!MkError.is(error, "DRIVER_UNAVAILABLE") && !MkError.is(error, "PERMISSION_DENIED")) throw error;
    return {
      status: "unhealthy",
      code: demanded === "auto" ? "qemu-runs-no-guest" : `${demanded}-unusable`,
      reason: error.message,
      ...(error.hint !== undefined && { fix: error.hint }),
      version,
    };
  }
}
