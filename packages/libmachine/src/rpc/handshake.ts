import type { Duplex } from "node:stream";
import { MkError } from "@mk/core";

// Node's http refuses both texts: the request for its bare line feeds, the answer for the same.
const REQUEST = "CONNECT /_goRPC_ HTTP/1.0\n\n";
const ANSWER = "HTTP/1.0 200 Connected to Go RPC\n\n";
const MAX_BYTES = 8192;
const SERVER_MS = 10_000;

/**
 * Opens Go's net/rpc on a connection. Nothing may be sent before the answer is there: a Go server throws away what came along with the request.
 * PROTOCOL_ERROR when the peer is no Go RPC server.
 */
export async function openGoRpc(stream: Duplex, signal: AbortSignal): Promise<void> {
  stream.write(REQUEST);
  const head = await readHead(stream, signal);
  const status = head.split("\n", 1)[0]!.trimEnd();
  if (!/^HTTP\/1\.[01] 200 Connected to Go RPC$/.test(status)) {
    throw new MkError(
      "PROTOCOL_ERROR",
      `the peer is no Go RPC server: it answered ${JSON.stringify(status.slice(0, 100))}`,
    );
  }
}

/** The server's side. Answers what is no request for Go RPC as Go does, ends the connection and returns false. */
export async function acceptGoRpc(stream: Duplex): Promise<boolean> {
  let head: string;
  try {
    head = await readHead(stream, AbortSignal.timeout(SERVER_MS));
  } catch {
    stream.destroy();
    return false;
  }
  const request = /^(\S+) (\S+) HTTP\/1\.[01]\r?\n/.exec(head);
  if (request === null) return refuse(stream, "400 Bad Request", "");
  if (request[2] !== "/_goRPC_") return refuse(stream, "404 Not Found", "404 page not found\n");
  if (request[1] !== "CONNECT") return refuse(stream, "405 Method Not Allowed", "405 must CONNECT\n");
  stream.write(ANSWER);
  return true;
}

function refuse(stream: Duplex, status: string, body: string): false {
  stream.end(
    `HTTP/1.0 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return false;
}

/** Reads up to and with the first empty line, whatever the line ends; what came behind it stays in the stream, which is paused. */
function readHead(stream: Duplex, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = endOfHead(head);
      if (end === undefined) {
        if (head.length > MAX_BYTES)
          finish(() => reject(new MkError("PROTOCOL_ERROR", "the peer's HTTP header has no end")));
        return;
      }
      finish(() => resolve(head.toString("latin1", 0, end)));
      if (end < head.length) stream.unshift(head.subarray(end));
    };
    const onClose = (): void => {
      finish(() => reject(new MkError("NETWORK_FAILED", "the connection ended before the peer answered")));
    };
    const onError = (cause: Error): void => {
      finish(() => reject(new MkError("NETWORK_FAILED", `the connection broke: ${cause.message}`, { cause })));
    };
    const onAbort = (): void => finish(() => reject(signal.reason));
    const finish = (settle: () => void): void => {
      stream.pause();
      stream.off("data", onData).off("end", onClose).off("close", onClose).off("error", onError);
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    stream.on("data", onData).on("end", onClose).on("close", onClose).on("error", onError);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

function endOfHead(head: Buffer): number | undefined {
  for (const separator of ["\n\n", "\n\r\n"]) {
    const at = head.indexOf(separator);
    if (at >= 0 && at < MAX_BYTES) return at + separator.length;
  }
  return undefined;
}
