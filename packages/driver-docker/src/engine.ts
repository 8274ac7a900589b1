import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { type Host, MkError } from "@mk/core";
import type DockerModem from "docker-modem";
import { createAgent, type EngineTarget, openTarget } from "./engine-connection.js";
import { connectionError, refusal } from "./engine-error.js";
import type { EnginePlace } from "./engine-place.js";
import { asRecord, asString } from "./json-reader.js";
import { parseJson } from "./parse-json.js";

/** Docker 20.10: the first with a private cgroup namespace per container. */
export const MIN_API_VERSION = "1.41";
/** The newest version whose answers this driver was written for. An engine that is newer still speaks it. */
const MAX_API_VERSION = "1.47";
const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface EngineCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Segments of the path, unescaped: names with any characters are safe. */
  readonly path: readonly string[];
  /** Objects are sent as JSON, as the API wants its filters. */
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: object;
  /** A tar, for the two calls that upload one. */
  readonly upload?: Readable | Buffer;
  /** The call only waits: aborting it changes nothing. */
  readonly isWait?: boolean;
  /** Aborts the call only until it is sent: what the engine has been asked for is then left to end. */
  readonly unsentSignal?: AbortSignal;
  /** Statuses other than 2xx that are answers, not failures. */
  readonly accept?: readonly number[];
}

export interface EngineAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when the answer was empty. */
  readonly body: unknown;
}

/** One Docker Engine, and the only place that talks to it. Every call is a connection of its own: nothing stays open between calls. */
export interface Engine {
  readonly place: EnginePlace;
  readonly target: EngineTarget;
  /** What `GET /version` answered. */
  readonly version: Readonly<Record<string, unknown>>;
  /** The whole answer. Rejects with the signal's reason, or an MkError for a status that is not accepted. */
  call(call: EngineCall, signal: AbortSignal): Promise<EngineAnswer>;
  /** The body as it comes. It ends with an error when the signal aborts. */
  stream(call: EngineCall, signal: AbortSignal): Promise<Readable>;
}

/**
 * Finds out what speaks at that place. DRIVER_UNAVAILABLE when nothing answers or its API is too old or too new, PERMISSION_DENIED when
 * the socket is not the user's, PROTOCOL_ERROR when it is no Docker Engine.
 */
export async function openEngine(host: Host, place: EnginePlace, signal: AbortSignal): Promise<Engine> {
  const target = await openTarget(host, place);
  const dial = createDial(host, place, target);
  const { body } = await collect(dial, "", { method: "GET", path: ["version"] }, signal);
  const version = asRecord(body, "the version");
  const prefix = `v${negotiate(place, version)}`;
  return {
    place,
    target,
    version,
    call: (call, callSignal) => collect(dial, prefix, call, callSignal),
    stream: async (call, callSignal) => {
      const response = await dial(prefix, call, callSignal);
      await check(call, response, callSignal);
      return response;
    },
  };
}

/** The engine's newest version that both sides know: Docker 29 refuses everything below 1.44, Docker 20.10 everything above 1.41. */
function negotiate(place: EnginePlace, version: Readonly<Record<string, unknown>>): string {
  const newest = asString(version.ApiVersion, "ApiVersion");
  const oldest = typeof version.MinAPIVersion === "string" ? version.MinAPIVersion : newest;
  if (isOlder(newest, MIN_API_VERSION)) {
    throw new MkError(
      "DRIVER_UNAVAILABLE",
      `the engine at ${place.host} is too old: its API is ${newest}, mk needs ${MIN_API_VERSION}`,
      {
        hint: "Update Docker to version 20.10 or later.",
        details: { apiVersion: newest },
      },
    );
  }
  const common = isOlder(newest, MAX_API_VERSION) ? newest : MAX_API_VERSION;
  return isOlder(common, oldest) ? oldest : common;
}

export function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split(".").map(Number);
  return major === thanMajor ? minor < thanMinor : major < thanMajor;
}

type Dial = (prefix: string, call: EngineCall, signal: AbortSignal) => Promise<IncomingMessage>;

function createDial(host: Host, place: EnginePlace, target: EngineTarget): Dial {
  return async (prefix, call, signal) => {
    signal.throwIfAborted();
    const unsent = call.unsentSignal;
    const { default: Modem } = await import("docker-modem");
    // The constructor reads DOCKER_HOST and certificates from the process and throws when they are bad, even when it is told everything.
    // The engine of a machine is not always the one of the environment: so the same fields are set without it.
    const modem: DockerModem = Object.assign(Object.create(Modem.prototype), {
      protocol: "http",
      // Never opened: the agent connects through core's host. It only makes the modem send plain paths.
      socketPath: "mk",
      headers: { Host: target.kind === "tcp" ? target.host : "docker" },
      agent: createAgent(host, target, unsent === undefined ? signal : AbortSignal.any([signal, unsent])),
    });
    const path = [prefix, ...call.path].filter((segment) => segment !== "").map(encodeURIComponent);
    try {
      return await new Promise<IncomingMessage>((resolve, reject) => {
        modem.dial(
          {
            method: call.method,
            path: `/${path.join("/")}?`,
            options: { _query: call.query ?? {}, _body: call.body ?? {} },
            // Always as a stream: a connection that breaks within an answer would otherwise never call back (docker-modem 5.0.7).
            isStream: true,
            statusCodes: EVERY_STATUS,
            abortSignal: signal,
            ...(call.upload !== undefined && { file: call.upload }),
          },
          (error, response) => (error === null ? resolve(response as IncomingMessage) : reject(error)),
        );
      });
    } catch (error) {
      signal.throwIfAborted();
      throw connectionError(error, place);
    } finally {
      // An engine that answers before it has read everything leaves the rest of the file unread.
      if (call.upload !== undefined && "destroy" in call.upload) call.upload.destroy();
    }
  };
}

/** Statuses are judged here, where what the engine said is at hand. */
const EVERY_STATUS: DockerModem.StatusCodes = new Proxy({}, { get: () => true });

async function collect(dial: Dial, prefix: string, call: EngineCall, signal: AbortSignal): Promise<EngineAnswer> {
  const response = await dial(prefix, call, signal);
  await check(call, response, signal);
  const text = await readAll(response, signal);
  return { status: response.statusCode ?? 0, body: text === "" ? undefined : parseAnswer(text) };
}

async function check(call: EngineCall, response: IncomingMessage, signal: AbortSignal): Promise<void> {
  const status = response.statusCode ?? 0;
  if ((status >= 200 && status < 300) || call.accept?.includes(status) === true) return;
  throw refusal(call, status, await readAll(response, signal));
}

async function readAll(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const onAbort = (): void => void response.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const chunk of response) {
      size += (chunk as Buffer).byteLength;
      if (size > MAX_BODY_BYTES) throw new Error(`its answer is larger than ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new MkError("NETWORK_FAILED", "the Docker Engine broke off within an answer", {
      hint: "Check that the engine runs: docker info",
      cause: error,
    });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  signal.throwIfAborted();
  return Buffer.concat(chunks).toString("utf8");
}

/** `POST /images/create` answers with one JSON value a line; the last one counts, since an error can only be the last. */
function parseAnswer(text: string): unknown {
  const whole = parseJson(text);
  if (whole !== undefined) return whole;
  const lines = text.trim().split(/\r?\n/);
  const last = parseJson(lines.at(-1) ?? "");
  if (last !== undefined) return last;
  throw new MkError(
    "PROTOCOL_ERROR",
    `the Docker Engine answered with something that is not JSON: ${text.slice(0, 80)}`,
    {
      hint: "Check that DOCKER_HOST and the Docker context name a Docker Engine.",
    },
  );
}
