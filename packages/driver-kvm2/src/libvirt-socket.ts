import type { Duplex } from "node:stream";
import type { Host } from "@mk/core";
import { MkError } from "@mk/core";
import type { LibvirtUri } from "./libvirt.js";
import { permissionHint } from "./permission-hint.js";
import { startSessionDaemon } from "./session-daemon.js";

/** The monolithic daemon's socket first, then the modular one's; on modular hosts the first is virtproxyd's when it is there. */
const SOCKETS = ["libvirt-sock", "virtqemud-sock"] as const;

/**
 * Opens the socket of the daemon that serves `uri`. The session daemon is started when it does not run, as libvirt's own client does.
 * DRIVER_UNAVAILABLE when there is none, PERMISSION_DENIED when the user may not use it.
 */
export async function connectSocket(host: Host, uri: LibvirtUri, signal: AbortSignal): Promise<Duplex> {
  const directory = uri === "qemu:///system" ? "/run/libvirt" : sessionDirectory(host);
  const stream = await tryConnect(host, directory, signal);
  if (stream) return stream;
  if (uri === "qemu:///session")
    return await startSessionDaemon(host, () => tryConnect(host, directory, signal), signal);
  throw new MkError("DRIVER_UNAVAILABLE", `no libvirt daemon listens in ${directory}`, {
    hint: "Start it with 'sudo systemctl start libvirtd' (or virtqemud and virtnetworkd), or install libvirt.",
  });
}

/** Where libvirt itself looks: GLib's runtime directory, which is its cache directory outside of a login session. */
function sessionDirectory({ env, homeDirectory }: Host): string {
  return `${env.XDG_RUNTIME_DIR || env.XDG_CACHE_HOME || `${homeDirectory}/.cache`}/libvirt`;
}

async function tryConnect(host: Host, directory: string, signal: AbortSignal): Promise<Duplex | undefined> {
  for (const name of SOCKETS) {
    const path = `${directory}/${name}`;
    try {
      return await host.network.connect({ path }, signal);
    } catch (error) {
      if (MkError.is(error, "PERMISSION_DENIED")) {
        throw new MkError("PERMISSION_DENIED", `${host.user.name} may not use ${path}`, {
          hint: await permissionHint(host),
          cause: error,
        });
      }
      // Absent or refused: the next name may be served. All else (an abort) is the caller's.
      if (!MkError.is(error, "NETWORK_FAILED")) throw error;
    }
  }
  return undefined;
}
