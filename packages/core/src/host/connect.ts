import { connect as netConnect, type Socket } from "node:net";
import type { ConnectTarget } from "../contract/host.js";
import { MkError } from "../errors.js";
import { errnoOf } from "./file-error.js";
import { assertUnixPath } from "./unix-path.js";
import { UNREACHABLE_HINT } from "./unreachable-hint.js";

type SocketTarget = Exclude<ConnectTarget, { readonly argv: unknown }>;

/** Connects to a TCP port without Nagle's delay, which costs SSH 85 ms a command, or to a unix socket. */
export function connect(target: SocketTarget, signal: AbortSignal, platform: NodeJS.Platform): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    if ("path" in target) assertUnixPath(target.path, platform);
    const socket = netConnect("path" in target ? { path: target.path } : { ...target, noDelay: true });
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    const onError = (error: Error): void => {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      reject(connectError(error, target));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", onError);
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      resolve(socket);
    });
  });
}

function connectError(error: Error, target: SocketTarget): MkError {
  const errno = errnoOf(error);
  const name = "path" in target ? target.path : `${target.host}:${target.port}`;
  if (errno === "EACCES" || errno === "EPERM") {
    return new MkError("PERMISSION_DENIED", `may not connect to ${name}`, {
      cause: error,
      details: { target, errno },
    });
  }
  return new MkError("NETWORK_FAILED", `cannot connect to ${name}: ${REASONS[errno ?? ""] ?? error.message}`, {
    hint: HINTS[errno ?? ""],
    cause: error,
    details: { target, errno },
  });
}

const HINTS: Readonly<Record<string, string>> = {
  ETIMEDOUT: UNREACHABLE_HINT,
  EHOSTUNREACH: UNREACHABLE_HINT,
  ENETUNREACH: UNREACHABLE_HINT,
};

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOENT: "there is no such socket",
  ETIMEDOUT: "it does not answer",
  EHOSTUNREACH: "there is no route to it",
  ENETUNREACH: "there is no network",
  ENOTFOUND: "the name is unknown",
};
