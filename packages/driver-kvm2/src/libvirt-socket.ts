import type { Duplex } from "node:stream";
import type { Host } from "@mk/core";
import { MkError } from "@mk/core";
import type { LibvirtUri } from "./libvirt.js";

/** The monolithic daemon's socket first, then the modular one's; on modular hosts the first is virtproxyd's when it is there. */
const SOCKETS = ["libvirt-sock", "virtqemud-sock"] as const;
const DAEMONS = ["libvirtd", "virtqemud"] as const;
const SESSION_DAEMON_WAIT_MS = 100;

/**
 * Opens the socket of the daemon that serves `uri`. The session daemon is started when it does not run, as libvirt's own client does.
 * DRIVER_UNAVAILABLE when there is none, PERMISSION_DENIED when the user may not use it.
 */
export async function connectSocket(host: Host, uri: LibvirtUri, signal: AbortSignal): Promise<Duplex> {
  const directory = uri === "qemu:///system" ? "/run/libvirt" : sessionDirectory(host);
  const stream = await tryConnect(host, directory, signal);
  if (stream) return stream;
  if (uri === "qemu:///system") throw notRunning(directory);
  return await startSessionDaemon(host, directory, signal);
}

function sessionDirectory(host: Host): string {
  const runtime = host.env.XDG_RUNTIME_DIR;
  return runtime ? `${runtime}/libvirt` : `${host.homeDirectory}/.cache/libvirt`;
}

async function tryConnect(host: Host, directory: string, signal: AbortSignal): Promise<Duplex | undefined> {
  for (const name of SOCKETS) {
    const path = `${directory}/${name}`;
    try {
      return await host.network.connect({ path }, signal);
    } catch (error) {
      if (MkError.is(error, "PERMISSION_DENIED")) {
        throw new MkError("PERMISSION_DENIED", `${host.user.name} may not use ${path}`, {
          hint: "Run 'sudo usermod -aG libvirt $USER' and log in again.",
          cause: error,
        });
      }
      // Absent or refused: the next name may be served. All else (an abort) is the caller's.
      if (!MkError.is(error, "NETWORK_FAILED")) throw error;
    }
  }
  return undefined;
}

async function startSessionDaemon(host: Host, directory: string, signal: AbortSignal): Promise<Duplex> {
  if (host.user.uid === 0) {
    throw new MkError("NOT_SUPPORTED", "root has no libvirt session", {
      hint: "Use --kvm2-uri qemu:///system, or run mk as an ordinary user.",
    });
  }
  for (const daemon of DAEMONS) {
    const file = (await host.which(daemon)) ?? (await firstExisting(host, [`/usr/sbin/${daemon}`]));
    if (!file) continue;
    const { exited, unref } = await host.processes.spawnDaemon(file, ["--timeout=120"]);
    unref();
    let alive = true;
    void exited.then(() => {
      alive = false;
    });
    // libvirtd tells nobody when its socket is there, so its own client polls too.
    while (alive) {
      const stream = await tryConnect(host, directory, signal);
      if (stream) return stream;
      await host.delay(SESSION_DAEMON_WAIT_MS, signal);
    }
  }
  throw notRunning(directory);
}

async function firstExisting(host: Host, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await host.files.stat(path)) return path;
  return undefined;
}

function notRunning(directory: string): MkError {
  return new MkError("DRIVER_UNAVAILABLE", `no libvirt daemon listens in ${directory}`, {
    hint: "Start it with 'sudo systemctl start libvirtd' (or virtqemud), or install libvirt.",
  });
}
