import type { Duplex } from "node:stream";
import type { Host } from "@mk/core";
import { MkError } from "@mk/core";

const DAEMONS = ["libvirtd", "virtqemud"] as const;
const WAIT_MS = 50;
/** VIR_DAEMON_ERR_PIDFILE: the daemon found that another one of this user runs, or is about to. */
const ANOTHER_RUNS = 1;

/**
 * Starts the user's own libvirt daemon, which ends by itself two minutes after its last connection and domain, and connects to it.
 * NOT_SUPPORTED for root, which has no session; DRIVER_UNAVAILABLE, with what the daemon said, when there is none or it ends.
 */
export async function startSessionDaemon(
  host: Host,
  connect: () => Promise<Duplex | undefined>,
  signal: AbortSignal,
): Promise<Duplex> {
  if (host.user.uid === 0) {
    throw new MkError("NOT_SUPPORTED", "root has no libvirt session", {
      hint: "Use --kvm2-uri qemu:///system, or run mk as an ordinary user.",
    });
  }
  const file = await findDaemon(host);
  if (file === undefined) {
    throw new MkError(
      "DRIVER_UNAVAILABLE",
      "there is no libvirt daemon for a session: neither libvirtd nor virtqemud",
      {
        hint: "Install libvirt and QEMU.",
      },
    );
  }
  const log = `${await host.runDirectory("kvm2-session")}/daemon.log`;
  const daemon = await host.processes.spawnDaemon(file, ["--timeout=120"], { logFile: log });
  daemon.unref();
  let ended: Awaited<typeof daemon.exited> | undefined;
  void daemon.exited.then((ending) => {
    ended = ending;
  });
  try {
    // It tells nobody when its socket is there, so libvirt's own client polls too.
    for (;;) {
      // Read before the socket is tried: a daemon that ended meanwhile may have been another's loser.
      const ending = ended;
      const stream = await connect();
      if (stream) return stream;
      if (ending && ending.exitCode !== ANOTHER_RUNS) throw await failure(host, file, log);
      await host.delay(WAIT_MS, signal);
    }
  } finally {
    await host.files.remove(log);
  }
}

/** The program of libvirt's daemon: in PATH, or where distributions put it, which an ordinary user's PATH often lacks. */
export async function findDaemon(host: Host): Promise<string | undefined> {
  for (const name of DAEMONS) {
    const file = (await host.which(name)) ?? `/usr/sbin/${name}`;
    if (await host.files.stat(file)) return file;
  }
  return undefined;
}

async function failure(host: Host, file: string, log: string): Promise<MkError> {
  const said = (await host.files.readText(log))?.trim().split("\n").at(-1);
  return new MkError("DRIVER_UNAVAILABLE", `${file} ended while it started${said ? `: ${said}` : ""}`, {
    hint: `Repair what keeps '${file}' from running as your user.`,
  });
}
