import { type Host, MkError } from "@mk/core";
import { type Accelerator, type AcceleratorFinding, findAccelerator, nativeAccelerator } from "./accelerator.js";
import type { QemuConfig } from "./config.js";
import type { Installation } from "./installation.js";

/**
 * The accelerator for a machine: the best on which a guest instruction ran, or the one that is demanded if one ran on it; `failed` are
 * better ones. Emulation that is demanded is taken untried.
 *
 * PERMISSION_DENIED when the demanded one may not be used, DRIVER_UNAVAILABLE when it does not work for another reason, or when none does.
 */
export async function chooseAccelerator(
  host: Host,
  { arch, accelerator: demanded }: Pick<QemuConfig, "arch" | "accelerator">,
  installation: Installation,
  signal: AbortSignal,
): Promise<AcceleratorFinding & { readonly works: Accelerator }> {
  if (demanded === "tcg") return { works: demanded, failed: [] };
  if (demanded !== "auto" && demanded !== nativeAccelerator(host, arch)) {
    throw unusable(demanded, `there is none for ${arch} guests on this host`, host);
  }
  const { works, failed } = await findAccelerator(host, arch, installation, signal);
  if (works === undefined) {
    const reasons = failed.map(({ accelerator, reason }) => `${accelerator}: ${reason}`);
    throw new MkError("DRIVER_UNAVAILABLE", `QEMU runs no guests here: ${reasons.join("; ")}`, {
      hint: "Install QEMU anew.",
      details: { failed },
    });
  }
  if (demanded === "auto" || demanded === works) return { works, failed };
  throw unusable(
    demanded,
    failed.find(({ accelerator }) => accelerator === demanded)?.reason ?? "it was not tried",
    host,
  );
}

function unusable(accelerator: Accelerator, reason: string, host: Host): MkError {
  const code = isDenied(reason) ? "PERMISSION_DENIED" : "DRIVER_UNAVAILABLE";
  return new MkError(code, `${accelerator} cannot be used: ${reason}`, {
    hint: adviceFor(reason, host) ?? "Leave --qemu-accelerator at auto to run in software emulation.",
    details: { accelerator, reason },
  });
}

/** What makes an accelerator work that failed for this reason; undefined where there is nothing to advise. */
export function adviceFor(reason: string, host: Host): string | undefined {
  if (isDenied(reason)) {
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

function isDenied(reason: string): boolean {
  return /permission denied/i.test(reason);
}
