import type { Duplex } from "node:stream";
import type { Client, ConnectConfig } from "ssh2";
import type { Host } from "../contract/host.js";
import { MkError } from "../errors.js";
import { UNREACHABLE_HINT } from "../host/unreachable-hint.js";
import { createHostKeyCheck, type HostKeyCheck } from "./host-key-check.js";
import type { SshTarget } from "./ssh-target.js";

/** What making a connection goes through, in this order. */
export type SshPhase = "connect" | "banner" | "handshake" | "authentication";

/** How long each phase of an SSH connection may take, in milliseconds. */
export type SshDeadlines = Readonly<Record<SshPhase, number>>;

/** Milliseconds. Generous: under software emulation a guest takes seconds for its part of a key exchange. */
const DEADLINES: SshDeadlines = { connect: 10_000, banner: 30_000, handshake: 30_000, authentication: 30_000 };

/** An SSH server may say something before its version (RFC 4253, 4.2), but not without end. */
const MAX_BANNER_BYTES = 64 * 1024;
/** A guest that loses its power closes nothing: after three unanswered questions it is gone. */
const KEEPALIVE_MS = 10_000;

const WHAT: Readonly<Record<SshPhase, string>> = {
  connect: "accept a connection",
  banner: "say its version",
  handshake: "finish the key exchange",
  authentication: "answer to the login",
};

/**
 * Connects and logs in. Each phase has its deadline: TIMED_OUT with `details.phase`. HOST_KEY_CHANGED, NETWORK_FAILED when nothing
 * listens, SSH_FAILED when the server refuses or does not speak SSH.
 */
export async function openSshConnection(
  host: Host,
  target: SshTarget,
  { signal, deadlines = {} }: { readonly signal: AbortSignal; readonly deadlines?: Partial<SshDeadlines> },
): Promise<Client> {
  const [{ Client }, privateKey, check] = await Promise.all([
    import("ssh2").then((module) => module.default),
    readIdentity(host, target),
    createHostKeyCheck(host, target),
  ]);
  const timer = new PhaseTimer(target, { ...DEADLINES, ...deadlines }, signal);
  const client = new Client();
  try {
    timer.enter("connect");
    const socket = await host.network.connect({ host: target.host, port: target.port }, timer.signal);
    timer.enter("banner");
    await login(client, socket, { timer, target, check, privateKey });
    await check.remember();
    return client;
  } catch (error) {
    client.destroy();
    throw timer.failure ?? error;
  } finally {
    timer.end();
  }
}

interface Login {
  readonly timer: PhaseTimer;
  readonly target: SshTarget;
  readonly check: HostKeyCheck;
  readonly privateKey: string;
}

function login(client: Client, socket: Duplex, { timer, target, check, privateKey }: Login): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      socket.destroy();
      reject(error);
    };
    timer.signal.addEventListener("abort", () => fail(timer.failure), { once: true });
    watchBanner(socket, timer, () => {
      fail(sshFailed(target, timer.phase, "it talks without end and never says its version"));
    });
    // The first alone: ssh2 says it of each new key exchange, by which no login follows.
    client.once("handshake", () => timer.enter("authentication"));
    client.once("ready", resolve);
    // Heard for as long as the connection lives: without a listener its loss would end the whole process.
    client.on("error", (error: Error & { level?: string }) => {
      fail(check.failure ?? loginError(error, target, timer.phase));
    });
    client.once("close", () => {
      fail(check.failure ?? sshFailed(target, timer.phase, "it closed the connection"));
    });
    const config: ConnectConfig = {
      sock: socket as NonNullable<ConnectConfig["sock"]>,
      username: target.user,
      privateKey,
      authHandler: ["publickey"],
      hostVerifier: (key: Buffer) => check.accepts(key),
      algorithms: { serverHostKey: [...check.algorithms] as NonNullable<ConnectConfig["algorithms"]>["serverHostKey"] },
      // The phases have deadlines of their own.
      readyTimeout: 0,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: 3,
      // Else ssh2 refuses to forward unix sockets unless the server calls itself OpenSSH; dropbear can do it too.
      strictVendor: false,
    } as ConnectConfig;
    try {
      client.connect(config);
    } catch (error) {
      fail(
        new MkError("SSH_FAILED", `the private key ${target.identityFile} cannot be used`, {
          hint: "Give an OpenSSH key without a passphrase.",
          cause: error,
        }),
      );
    }
  });
}

/** Follows the phase from the bytes, since ssh2 has no event for the server's version line. */
function watchBanner(socket: Duplex, timer: PhaseTimer, onFlood: () => void): void {
  let seen = "";
  const onData = (chunk: Buffer): void => {
    seen += chunk.toString("latin1");
    if (/(^|\n)SSH-[^\n]*\n/.test(seen)) {
      socket.off("data", onData);
      timer.enter("handshake");
    } else if (seen.length > MAX_BANNER_BYTES) {
      socket.off("data", onData);
      onFlood();
    }
  };
  socket.on("data", onData);
}

function loginError(error: Error & { level?: string }, target: SshTarget, phase: SshPhase): MkError {
  if (error.level === "client-authentication") {
    return new MkError("SSH_FAILED", `machine ${target.machine} does not let user ${target.user} in with mk's key`, {
      hint: `Recreate machine ${target.machine}, or put the public key of ${target.identityFile} into the guest's authorized_keys.`,
      cause: error,
      details: { machine: target.machine, phase },
    });
  }
  return sshFailed(target, phase, error.message, error);
}

function sshFailed(target: SshTarget, phase: SshPhase, reason: string, cause?: unknown): MkError {
  return new MkError(
    "SSH_FAILED",
    `the SSH server of machine ${target.machine} (${target.host}:${target.port}) did not ${WHAT[phase]}: ${reason}`,
    {
      hint: `Look at what the guest wrote with \`mk logs -p ${target.machine}\`, or boot it anew with \`mk restart -p ${target.machine}\`.`,
      cause,
      details: { machine: target.machine, host: target.host, port: target.port, phase },
    },
  );
}

async function readIdentity(host: Host, target: SshTarget): Promise<string> {
  const key = await host.files.readText(target.identityFile, { maxBytes: 64 * 1024 });
  if (key !== undefined) return key;
  throw new MkError(
    "SSH_FAILED",
    `the private key ${target.identityFile} of machine ${target.machine} does not exist`,
    {
      hint: `Recreate machine ${target.machine}.`,
    },
  );
}

/** One deadline at a time, the caller's abort, and which of the two it was. */
class PhaseTimer {
  readonly #target: SshTarget;
  readonly #deadlines: SshDeadlines;
  readonly #caller: AbortSignal;
  readonly #controller = new AbortController();
  readonly #onAbort = (): void => this.#fail(this.#caller.reason);
  #timer: NodeJS.Timeout | undefined;
  phase: SshPhase = "connect";
  failure: unknown;

  constructor(target: SshTarget, deadlines: SshDeadlines, caller: AbortSignal) {
    this.#target = target;
    this.#deadlines = deadlines;
    this.#caller = caller;
    if (caller.aborted) this.#onAbort();
    caller.addEventListener("abort", this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  enter(phase: SshPhase): void {
    this.phase = phase;
    clearTimeout(this.#timer);
    const ms = this.#deadlines[phase];
    this.#timer = setTimeout(() => this.#fail(this.#late(ms)), ms);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener("abort", this.#onAbort);
  }

  #late(ms: number): MkError {
    const { machine, host, port } = this.#target;
    return new MkError(
      "TIMED_OUT",
      `the SSH server of machine ${machine} (${host}:${port}) did not ${WHAT[this.phase]} in ${ms / 1000} s`,
      {
        hint: this.phase === "connect" ? UNREACHABLE_HINT : undefined,
        details: { machine, host, port, phase: this.phase, deadlineMs: ms },
      },
    );
  }

  #fail(reason: unknown): void {
    this.failure ??= reason;
    this.#controller.abort(reason);
  }
}
