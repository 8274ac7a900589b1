import { setMaxListeners } from "node:events";
import { chmod, lstat, unlink } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { raceAbort } from "../abort/race-abort.js";
import type { Forward } from "../api.js";
import { MkError } from "../errors.js";
import { errnoOf, fileError } from "../host/file-error.js";
import { assertUnixPath } from "../host/unix-path.js";
import type { Carrier } from "./carrier.js";
import type { ForwardSource, ForwardTarget } from "./transport.js";

export interface ForwardRequest {
  readonly from: ForwardSource;
  readonly to: ForwardTarget;
  readonly signal: AbortSignal;
}

/** The way into the machine. */
export type Way = Pick<Carrier, "connect" | "dial">;

/** Listens on the host and carries each connection into the machine. A socket file is for its owner alone. */
export async function forward(
  way: Way,
  platform: NodeJS.Platform,
  { from, to, signal }: ForwardRequest,
): Promise<Forward> {
  signal.throwIfAborted();
  if ("path" in from) {
    assertUnixPath(from.path, platform);
    await removeDeadSocket(from.path);
  }
  // An unreachable machine is told at once, not to the first program that connects.
  await way.connect(signal);
  const stop = new AbortController();
  // One listener for each open connection: their number is no leak.
  setMaxListeners(0, stop.signal);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    void carry(way, socket, to, stop.signal);
  });
  await listening(server, from);
  // A connection that cannot be accepted, for want of file descriptors, is the lost one's affair and not this process's.
  server.on("error", () => undefined);
  if ("path" in from && platform !== "win32") await chmod(from.path, 0o600);
  return {
    local: "path" in from ? { path: from.path } : tcpAddress(server),
    async [Symbol.asyncDispose]() {
      stop.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A connection that cannot be made in the guest is cut, as a port that nobody listens on would do. */
async function carry(way: Way, socket: Socket, to: ForwardTarget, signal: AbortSignal): Promise<void> {
  let remote: Duplex | undefined;
  socket.on("error", () => undefined);
  try {
    remote = await way.dial(to, signal);
    remote.on("error", () => undefined);
    // Each direction ends by itself: a client may close its half and still read the answer.
    socket.pipe(remote).pipe(socket);
    await raceAbort(Promise.race([closed(remote), closed(socket)]), signal);
  } catch {
    // Whichever side broke: there is nobody to tell but the other side, whose connection is cut below.
  } finally {
    socket.destroySoon();
    remote?.destroy();
  }
}

function closed(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve();
    stream.once("close", () => resolve());
  });
}

/** A socket whose program was killed is in the way of a new one. One that somebody listens on is not touched. */
async function removeDeadSocket(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return;
  if (!stats.isSocket() || (await accepts(path))) {
    throw new MkError("PORT_IN_USE", `${path} exists already and is in use`, {
      hint: `Choose another path, or remove ${path}.`,
      details: { path },
    });
  }
  await unlink(path).catch((error: unknown) => {
    throw fileError(error, "remove", path);
  });
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Only a refusal proves that nobody listens.
    socket.once("error", (error) => resolve(errnoOf(error) !== "ECONNREFUSED"));
  });
}

const NOT_ALLOWED_HINT = "Choose a port above 1023, as in 8080:80, or a directory that you may write to.";

function listening(server: Server, from: ForwardSource): Promise<void> {
  const name = "path" in from ? from.path : `port ${from.port ?? 0} of ${from.host ?? "127.0.0.1"}`;
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const errno = errnoOf(error);
      if (errno === "EADDRINUSE") {
        reject(new MkError("PORT_IN_USE", `${name} is taken`, { hint: "Choose another one.", cause: error }));
      } else if (errno === "EACCES" || errno === "EPERM") {
        reject(new MkError("PERMISSION_DENIED", `may not listen on ${name}`, { hint: NOT_ALLOWED_HINT, cause: error }));
      } else {
        reject(
          new MkError("NETWORK_FAILED", `cannot listen on ${name}: ${error.message}`, {
            hint: "Give an address of this computer.",
            cause: error,
          }),
        );
      }
    });
    if ("path" in from) server.listen({ path: from.path }, resolve);
    else server.listen({ host: from.host ?? "127.0.0.1", port: from.port ?? 0, exclusive: true }, resolve);
  });
}

function tcpAddress(server: Server): { readonly host: string; readonly port: number } {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("not a TCP server");
  return { host: address.address, port: address.port };
}
