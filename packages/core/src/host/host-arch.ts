import type { Host } from "../contract/host.js";
import type { GuestArch } from "../contract/spec.js";

/** The architecture of guests on this host where none is asked for: those for its own CPU run fastest. */
export function hostArch({ arch }: Pick<Host, "arch">): GuestArch {
  return arch === "arm64" ? "arm64" : "amd64";
}

/** Whether this host's CPU runs the instructions of such guests, which it takes to virtualize them. */
export function isNativeArch(host: Pick<Host, "arch">, arch: GuestArch): boolean {
  return (host.arch === "x64" && arch === "amd64") || (host.arch === "arm64" && arch === "arm64");
}
