import { createHash } from "node:crypto";
import { type Host, MkError, type Operation } from "@mk/core";
import type { DockerConfig } from "./config.js";
import { type Container, listContainers, removeContainer } from "./container.js";
import { privilegeFields } from "./container-request.js";
import type { Engine } from "./engine.js";
import { engineSaid } from "./engine-error.js";
import type { EngineFacts } from "./engine-facts.js";
import { asList, asRecord, asString } from "./json-reader.js";
import { containerFilter, LABELS } from "./labels.js";

/** How a machine's container gets what a container engine inside needs. */
export type Privileges =
  | { readonly mode: "privileged" }
  | {
      readonly mode: "capabilities";
      /** What the engine grants, by Linux' names without `CAP_`. */
      readonly capabilities: readonly string[];
      /** Device nodes that exist where the engine runs. */
      readonly devices: readonly string[];
    };

/** capabilities(7), Linux 6.x. */
export const ALL_CAPABILITIES = [
  "AUDIT_CONTROL",
  "AUDIT_READ",
  "AUDIT_WRITE",
  "BLOCK_SUSPEND",
  "BPF",
  "CHECKPOINT_RESTORE",
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "IPC_LOCK",
  "IPC_OWNER",
  "KILL",
  "LEASE",
  "LINUX_IMMUTABLE",
  "MAC_ADMIN",
  "MAC_OVERRIDE",
  "MKNOD",
  "NET_ADMIN",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_RAW",
  "PERFMON",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYSLOG",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_CHROOT",
  "SYS_MODULE",
  "SYS_NICE",
  "SYS_PACCT",
  "SYS_PTRACE",
  "SYS_RAWIO",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "WAKE_ALARM",
] as const;

/** Sandboxes and containers that lend out root usually keep this one alone: trying without it first saves a dozen trials. */
const OFTEN_WITHHELD = "SYS_RESOURCE";
/** Without it no container can run inside. */
const INDISPENSABLE = "SYS_ADMIN";
const DEVICES = ["/dev/kmsg", "/dev/fuse", "/dev/net/tun"] as const;

/** What the engine is known to grant from an earlier machine, without asking it anything. */
export async function knownPrivileges(host: Host, facts: EngineFacts): Promise<Privileges | undefined> {
  return parsePrivileges(await host.cache.read(cacheKey(facts)));
}

/**
 * Finds out by trying what the engine grants: short-lived containers of the machine's own image, the first `--privileged`. An engine that
 * lacks a capability itself refuses that, and says neither why nor which; then the list of what it does grant is searched. The answer
 * is kept until the host reboots. DRIVER_UNAVAILABLE when it is not enough for a container engine inside.
 */
export async function findPrivileges(
  {
    engine,
    host,
    facts,
    image,
    wanted,
    machineId,
  }: Trial & { readonly host: Host; readonly wanted: DockerConfig["privileges"] },
  op: Operation,
): Promise<Privileges> {
  const known = await knownPrivileges(host, facts);
  if (known !== undefined && (wanted === "auto" || wanted === known.mode)) return known;
  return op.step("privileges", "finding out what the engine grants", async () => {
    const trial = { engine, facts, image, machineId };
    const found = await search(trial, wanted, op.signal);
    if (wanted === "auto") await host.cache.write(cacheKey(facts), found);
    if (found.mode === "capabilities" && wanted === "auto") {
      const withheld = ALL_CAPABILITIES.filter((name) => !found.capabilities.includes(name));
      op.log("the engine refuses --privileged: the machine gets a list of capabilities instead", { withheld });
    }
    return found;
  });
}

/** What the machine's container has, when it is what is wanted: it was granted before. */
export function privilegesOf(
  present: Container | undefined,
  wanted: DockerConfig["privileges"],
): Privileges | undefined {
  if (present?.hostConfig.Privileged === undefined) return undefined;
  const { Privileged, CapAdd, Devices } = present.hostConfig;
  const mode = Privileged === true ? "privileged" : "capabilities";
  if (wanted !== "auto" && wanted !== mode) return undefined;
  if (mode === "privileged") return { mode };
  const capabilities = asList(CapAdd, "CapAdd").map((name) => String(name).replace(/^CAP_/, ""));
  const devices = asList(Devices, "Devices").map((item) => String(asRecord(item, "a device").PathOnHost));
  return { mode, capabilities, devices };
}

/** Forgets what was found: the engine has refused it since. */
export async function forgetPrivileges(host: Host, facts: EngineFacts): Promise<void> {
  await host.cache.write(cacheKey(facts), null);
}

/** Whether a failed start says that a capability is not the engine's to give. */
export function isCapabilityRefusal(error: unknown): boolean {
  return /unable to apply caps|set capabilities/i.test(engineSaid(error) ?? "");
}

interface Trial {
  readonly engine: Engine;
  readonly facts: EngineFacts;
  readonly image: string;
  readonly machineId: string;
}

async function search(trial: Trial, wanted: DockerConfig["privileges"], signal: AbortSignal): Promise<Privileges> {
  if (wanted !== "capabilities") {
    if (await accepts(trial, { mode: "privileged" }, signal)) return { mode: "privileged" };
    if (wanted === "privileged") throw insufficient("it refuses --privileged");
  }
  const likely = ALL_CAPABILITIES.filter((name) => name !== OFTEN_WITHHELD);
  const guesses = wanted === "capabilities" ? [ALL_CAPABILITIES, likely] : [likely];
  for (const guess of guesses) {
    // Capabilities and devices in one trial: what most engines grant is then known after two.
    const capabilities = await granted(trial, guess, DEVICES, signal);
    if (capabilities !== undefined) return sufficient(capabilities, DEVICES);
  }
  const capabilities = await bisect(trial, ALL_CAPABILITIES, signal);
  const devices: string[] = [];
  for (const device of DEVICES) {
    if ((await granted(trial, capabilities, [device], signal)) !== undefined) devices.push(device);
  }
  return sufficient(capabilities, devices);
}

function sufficient(capabilities: readonly string[], devices: readonly string[]): Privileges {
  if (!capabilities.includes(INDISPENSABLE)) throw insufficient(`it does not grant ${INDISPENSABLE}`);
  return { mode: "capabilities", capabilities, devices };
}

function insufficient(why: string): MkError {
  return new MkError("DRIVER_UNAVAILABLE", `the Docker Engine cannot run a machine: ${why}`, {
    hint: "Run the Docker Engine with full privileges, or choose another driver.",
    details: { reason: "docker-privileges" },
  });
}

/** The list without the names the engine does not know, when it grants all of it with these devices; undefined when it does not. */
async function granted(
  trial: Trial,
  names: readonly string[],
  devices: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  let capabilities = names;
  for (;;) {
    try {
      return (await accepts(trial, { mode: "capabilities", capabilities, devices }, signal)) ? capabilities : undefined;
    } catch (error) {
      const said = engineSaid(error) ?? "";
      // "error gathering device information while adding custom device": it does not exist where the engine runs.
      if (devices.length > 0 && /custom device/i.test(said)) return undefined;
      const unknown = /unknown capability:? "?(?:CAP_)?([A-Z_]+)/i.exec(said)?.[1];
      // An engine older than its kernel. One name less each time: this ends.
      if (unknown === undefined || !capabilities.includes(unknown)) throw error;
      capabilities = capabilities.filter((name) => name !== unknown);
    }
  }
}

/** Group testing: an engine lacks few, so halves are nearly always granted whole. */
async function bisect(trial: Trial, names: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const whole = await granted(trial, names, [], signal);
  if (whole !== undefined) return whole;
  if (names.length === 1) return [];
  const middle = names.length >> 1;
  return [
    ...(await bisect(trial, names.slice(0, middle), signal)),
    ...(await bisect(trial, names.slice(middle), signal)),
  ];
}

/** Whether a container with these privileges starts. Whatever it then does, or cannot find to run, does not matter. */
async function accepts(
  { engine, facts, image, machineId }: Trial,
  privileges: Privileges,
  signal: AbortSignal,
): Promise<boolean> {
  const { body } = await engine.call(
    {
      method: "POST",
      path: ["containers", "create"],
      body: {
        Image: image,
        Cmd: ["/bin/true"],
        Labels: { [LABELS.machine]: machineId, [LABELS.role]: "trial" },
        HostConfig: { ...privilegeFields(privileges, facts), CgroupnsMode: "private", NetworkMode: "none" },
      },
    },
    signal,
  );
  const id = asString(asRecord(body, "the created container").Id, "Id");
  try {
    await engine.call({ method: "POST", path: ["containers", id, "start"] }, signal);
    return true;
  } catch (error) {
    const said = engineSaid(error) ?? "";
    if (/unable to apply caps|operation not permitted|set capabilities/i.test(said)) return false;
    if (/executable file not found|no such file or directory: unknown/i.test(said)) return true;
    throw error;
  } finally {
    // With the operation aborted the engine is not asked again here: see the roll-back.
    if (!signal.aborted) await removeContainer(engine, id, signal);
  }
}

/** Removes what a trial has left that was broken off. */
export async function removeTrials(
  engine: Engine,
  machine: { readonly id: string; readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  for (const { id } of await listContainers(engine, containerFilter(machine, "trial"), signal)) {
    await removeContainer(engine, id, signal);
  }
}

function cacheKey(facts: EngineFacts): string {
  return `docker-privileges-${createHash("sha256").update(facts.id).digest("hex").slice(0, 16)}`;
}

function parsePrivileges(raw: unknown): Privileges | undefined {
  if (typeof raw !== "object" || raw === null || !("mode" in raw)) return undefined;
  if (raw.mode === "privileged") return { mode: "privileged" };
  const { capabilities, devices } = raw as { capabilities?: unknown; devices?: unknown };
  if (raw.mode !== "capabilities" || !isStrings(capabilities) || !isStrings(devices)) return undefined;
  return { mode: "capabilities", capabilities, devices };
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
