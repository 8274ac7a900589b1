import type { DriverStatus, GuestArch, Host, StatusRequest } from "@mk/core";
import { hostArch, MkError } from "@mk/core";
import { type Engine, openEngine } from "./engine.js";
import { READ_LOG } from "./engine-error.js";
import { archMismatch, type EngineFacts, readFacts } from "./engine-facts.js";
import { currentEngine } from "./engine-place.js";
import { remoteHost } from "./engine-session.js";
import { knownPrivileges } from "./privileges.js";

const DOCS = "https://docs.docker.com/engine/install/";

/** Packages that bring an engine. */
const PACKAGES = {
  apt: ["docker.io"],
  dnf: ["moby-engine"],
  pacman: ["docker"],
  brew: ["docker", "colima"],
  winget: ["Docker.DockerDesktop"],
} as const;

/** Asks the engine itself. A hanging engine is told by the signal: its reason passes through. */
export async function status(host: Host, signal: AbortSignal, machine?: StatusRequest<unknown>): Promise<DriverStatus> {
  try {
    const engine = await openEngine(host, await currentEngine(host), signal);
    const facts = await readFacts(engine, signal);
    return unfit(facts, machine?.arch ?? hostArch(host)) ?? (await ready(host, engine, facts));
  } catch (error) {
    signal.throwIfAborted();
    if (!MkError.is(error)) throw error;
    return failure(host, error);
  }
}

function unfit(facts: EngineFacts, arch: GuestArch): DriverStatus | undefined {
  const { version } = facts;
  if (facts.os !== "linux") {
    return {
      status: "unhealthy",
      code: "docker-windows-containers",
      reason: `the Docker Engine runs ${facts.os} containers`,
      fix: "Switch Docker Desktop to Linux containers.",
      version,
    };
  }
  if (facts.errors.length > 0) {
    return {
      status: "unhealthy",
      code: "docker-errors",
      reason: `the Docker Engine reports: ${facts.errors.join("; ")}`,
      fix: READ_LOG,
      version,
    };
  }
  const mismatch = archMismatch(facts, arch);
  return mismatch && { status: "unhealthy", code: "docker-other-architecture", ...mismatch, version };
}

async function ready(host: Host, engine: Engine, facts: EngineFacts): Promise<DriverStatus> {
  const privileges = await knownPrivileges(host, facts);
  const remote = remoteHost(engine.target);
  const unlimited = [...(facts.limits.cpu ? [] : ["CPUs"]), ...(facts.limits.memory ? [] : ["memory"])];
  const notes = [
    ...(facts.product === "docker-desktop" ? ["Docker Desktop"] : []),
    ...(facts.product === "podman" ? ["Podman's Docker API"] : []),
    ...(facts.isRootless ? ["rootless engine"] : []),
    ...(facts.isUserRemapped ? ["user namespaces: machines run in the host's"] : []),
    ...(privileges?.mode === "capabilities" ? ["--privileged is refused: machines get a list of capabilities"] : []),
    ...(unlimited.length > 0 ? [`the engine cannot limit ${unlimited.join(" and ")}`] : []),
    ...(remote === undefined ? [] : [`remote engine on ${remote}: ports are published on all of its addresses`]),
  ];
  return {
    status: "ready",
    version: facts.version,
    ...(notes.length > 0 && { note: notes.join("; ") }),
    ...(facts.storageDriver === "vfs" && {
      advice: "The engine stores images with vfs, which is slow and large: let it use overlay2.",
    }),
    facts: {
      engine: engine.place.host,
      product: facts.product,
      ...(engine.place.context !== undefined && { context: engine.place.context }),
      rootless: String(facts.isRootless),
      usernsRemap: String(facts.isUserRemapped),
      cgroup: `v${facts.cgroupVersion}`,
      storage: facts.storageDriver,
      privileges: privileges === undefined ? "not tried yet" : privileges.mode,
    },
  };
}

async function failure(host: Host, error: MkError): Promise<DriverStatus> {
  const reason = error.message;
  const code = typeof error.details?.reason === "string" ? error.details.reason : "docker-unusable";
  const fix = error.hint === undefined ? {} : { fix: error.hint };
  if (code === "docker-refused") return { status: "stopped", code, reason, ...fix };
  if (code !== "docker-stopped") return { status: "unhealthy", code, reason, ...fix };
  // Nothing listens here: an engine that is not there, or one that does not run.
  const found = await Promise.all(["dockerd", "docker", "colima", "orb"].map((program) => host.which(program)));
  if (found.some((path) => path !== undefined)) return { status: "stopped", code, reason, ...fix };
  return {
    status: "missing",
    code: "docker-not-found",
    reason: "no Docker Engine is installed",
    fix: host.platform === "linux" ? "Install Docker and start it." : "Install Docker Desktop and start it.",
    packages: PACKAGES,
    docs: DOCS,
  };
}
