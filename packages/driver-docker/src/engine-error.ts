import { MkError, type MkErrorCode, messageOf } from "@mk/core";
import type { EngineCall } from "./engine.js";
import type { EnginePlace } from "./engine-place.js";
import { parseJson } from "./parse-json.js";

/** A call that got no answer: why the engine cannot be reached, and what to do about it. Other MkErrors of the host pass. */
export function connectionError(error: unknown, place: EnginePlace): MkError {
  const errno = errnoOf(error);
  const where = `the Docker Engine at ${place.host}`;
  switch (errno) {
    case "EACCES":
    case "EPERM":
      return new MkError("PERMISSION_DENIED", `this user may not use ${where}`, {
        hint: "Join the docker group with 'sudo usermod -aG docker $USER', then log in again.",
        details: { reason: "docker-permission" },
        cause: error,
      });
    case "ENOENT":
    case "ECONNREFUSED":
      if (/^(?:tcp|https?):/.test(place.host)) {
        return new MkError("DRIVER_UNAVAILABLE", `${where} refuses connections`, {
          hint: `Start the engine at ${place.host}, or choose another one with DOCKER_HOST or 'docker context use'.`,
          details: { reason: "docker-refused", errno },
          cause: error,
        });
      }
      return new MkError("DRIVER_UNAVAILABLE", `${where} is not running`, {
        hint: "Start Docker: 'sudo systemctl start docker' on Linux, Docker Desktop elsewhere.",
        details: { reason: "docker-stopped", errno },
        cause: error,
      });
    case "ECONNRESET":
    case "EPIPE":
      return new MkError("NETWORK_FAILED", `${where} closed the connection without an answer`, {
        hint: "Check that the engine runs: docker info",
        details: { reason: "docker-reset" },
        cause: error,
      });
  }
  if (MkError.is(error, "COMMAND_FAILED") && place.host.startsWith("ssh:")) {
    const said = String(error.details?.stderr ?? "").trim();
    return new MkError("DRIVER_UNAVAILABLE", `${where} cannot be reached: ${said || error.message}`, {
      hint: `Make 'docker --host ${place.host} version' work without a question.`,
      details: { reason: "docker-ssh" },
      cause: error,
    });
  }
  if (MkError.is(error)) return error;
  return new MkError("NETWORK_FAILED", `${where} cannot be reached: ${messageOf(error)}`, {
    hint: "Check DOCKER_HOST, the Docker context and its certificates: docker info",
    details: { reason: "docker-unreachable" },
    cause: error,
  });
}

/** The hint where the engine's own words are all there is. */
export const READ_LOG = "Look at the engine's log, on Linux with 'journalctl -u docker'.";

/** What the engine said no to. `details.status` is its status, `details.engine` its words. */
export function refusal(call: EngineCall, status: number, text: string): MkError {
  const body = parseJson(text);
  const said =
    typeof body === "object" && body !== null && "message" in body && typeof body.message === "string"
      ? body.message.trim()
      : text.trim().slice(0, 500);
  const details = { status, engine: said };
  const known = KNOWN.find(({ pattern }) => pattern.test(said));
  const code: MkErrorCode = known?.code ?? "DRIVER_FAILED";
  const hint = known?.hint ?? READ_LOG;
  return new MkError(
    code,
    `the Docker Engine refused ${call.method} /${call.path.join("/")}: ${said || `status ${status}`}`,
    {
      hint,
      details,
    },
  );
}

/** What the engine's words mean. It has no codes but the HTTP status, and most failures of a start are a plain 500. */
const KNOWN: readonly { readonly pattern: RegExp; readonly code: MkErrorCode; readonly hint: string }[] = [
  {
    pattern: /no space left on device/i,
    code: "NO_SPACE",
    hint: "Free space on the engine's disk, for example with 'docker system prune'.",
  },
  {
    pattern: /port is already allocated|address already in use|ports are not available/i,
    code: "PORT_IN_USE",
    hint: "End the program that listens on that port, or ask for another one.",
  },
  {
    pattern: /bind source path does not exist/i,
    code: "INVALID_ARGUMENT",
    hint: "Mount a directory that exists where the engine runs.",
  },
  {
    pattern: /Range of CPUs is from/i,
    code: "INVALID_ARGUMENT",
    hint: "Ask for no more CPUs than the engine has: docker info",
  },
];

/** What the engine said, when the error is a refusal of {@link refusal}. */
export function engineSaid(error: unknown): string | undefined {
  if (!MkError.is(error)) return undefined;
  const said = error.details?.engine;
  return typeof said === "string" ? said : undefined;
}

/** The errno of an error or of what caused it: core's host wraps what the system said. */
function errnoOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string" && /^E[A-Z]+$/.test(at.code)) return at.code;
    // Node's text for a server that closes before it answers.
    if (at.message === "socket hang up") return "ECONNRESET";
  }
  return undefined;
}
