import type { DriverStatus, Host } from "@mk/core";

/** Can this driver work here? Found out by trying, not by looking; core gives each probe a deadline. */
export async function status(host: Host, signal: AbortSignal): Promise<DriverStatus> {
  signal.throwIfAborted();
  if (await host.which("sleep")) return { status: "ready" };
  return { status: "missing", code: "sleep-not-found", reason: "there is no program sleep", fix: "Install coreutils.", packages: { apt: ["coreutils"] } };
}
