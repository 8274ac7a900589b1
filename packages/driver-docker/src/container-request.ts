import type { MachineSpec } from "@mk/core";
import type { PublishedPort } from "./container.js";
import type { EngineFacts } from "./engine-facts.js";
import { LABELS, objectName } from "./labels.js";
import type { Privileges } from "./privileges.js";

export interface ContainerParts {
  readonly spec: MachineSpec;
  /** Id of the imported image. */
  readonly image: string;
  readonly address: string;
  readonly ports: readonly PublishedPort[];
  readonly privileges: Privileges;
  readonly facts: Pick<EngineFacts, "limits" | "isUserRemapped" | "cpus">;
  /** The host's kernel modules, for the guest's iptables and overlay; undefined where the engine's kernel is not the host's. */
  readonly modules: string | undefined;
}

/** busybox init stops dockerd, syncs, unmounts /data and powers off; SIGTERM would reboot (docs/architecture.md, "Guest and host"). */
export const STOP_SIGNAL = "SIGUSR2";
/** For `docker stop` by hand: enough for the guest to end its containers. mk itself sends the signal and waits. */
const STOP_TIMEOUT_SECONDS = 60;

export interface ContainerRequest {
  readonly Labels: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** The body of `POST /containers/create`. Pure: what it is given is all it depends on. */
export function containerRequest({
  spec,
  image,
  address,
  ports,
  privileges,
  facts,
  modules,
}: ContainerParts): ContainerRequest {
  const name = objectName(spec.name);
  return {
    Image: image,
    Cmd: ["/sbin/init"],
    Hostname: spec.name,
    Env: ["container=docker", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    // A terminal gives the container /dev/console, and one stream of logs without frames.
    Tty: true,
    StopSignal: STOP_SIGNAL,
    StopTimeout: STOP_TIMEOUT_SECONDS,
    Labels: {
      [LABELS.machine]: spec.id,
      [LABELS.name]: spec.name,
      [LABELS.role]: "machine",
      ...(spec.imageDigest !== undefined && { [LABELS.image]: spec.imageDigest }),
    },
    ExposedPorts: Object.fromEntries(ports.map(({ guestPort }) => [`${guestPort}/tcp`, {}])),
    HostConfig: {
      ...privilegeFields(privileges, facts),
      // The engine's own default would be the host's namespace on cgroup v1: the guest would then see, and mount, everybody's groups.
      CgroupnsMode: "private",
      ...limitFields(spec, facts),
      // exec: containerd and k3s run programs from below /run.
      Tmpfs: { "/run": "exec,nosuid,nodev,mode=755", "/tmp": "exec,nosuid,nodev,mode=1777" },
      Mounts: [
        { Type: "volume", Source: name, Target: "/data", VolumeOptions: { NoCopy: true } },
        ...(modules === undefined ? [] : [{ Type: "bind", Source: modules, Target: "/lib/modules", ReadOnly: true }]),
        ...spec.mounts.map(({ source, target, readOnly }) => ({
          Type: "bind",
          Source: source,
          Target: target,
          ReadOnly: readOnly,
        })),
      ],
      PortBindings: portBindings(ports),
      NetworkMode: name,
      RestartPolicy: { Name: "no" },
      // The daemon's default may be one that cannot be read back, and the console is read back.
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
    },
    NetworkingConfig: { EndpointsConfig: { [name]: { IPAMConfig: { IPv4Address: address } } } },
  };
}

/** CPUs and memory, less what the engine cannot limit. */
function limitFields(
  { cpus, memoryMiB }: Pick<MachineSpec, "cpus" | "memoryMiB">,
  { limits, cpus: present }: Pick<EngineFacts, "limits" | "cpus">,
): object {
  const memoryBytes = memoryMiB * 1024 * 1024;
  return {
    // The engine refuses more than it has, and more would limit nothing.
    ...(limits.cpu && { NanoCpus: Math.min(cpus, present || cpus) * 1e9 }),
    ...(limits.memory && { Memory: memoryBytes }),
    // Equal to the memory: no swap. Left out, the engine would grant as much swap again.
    ...(limits.memory && limits.swap && { MemorySwap: memoryBytes }),
  };
}

/** `--privileged`, or what comes nearest to it where the engine lacks a capability itself. */
export function privilegeFields(
  privileges: Privileges,
  { isUserRemapped }: Pick<EngineFacts, "isUserRemapped">,
): object {
  // Neither form works within a remapped user namespace; the engine refuses the first and the second lacks the mounts.
  const userns = isUserRemapped ? { UsernsMode: "host" } : {};
  switch (privileges.mode) {
    case "privileged":
      return { Privileged: true, ...userns };
    case "capabilities":
      return {
        // Exactly the list: the engine's default set may hold one that it cannot grant.
        CapDrop: ["ALL"],
        CapAdd: privileges.capabilities,
        SecurityOpt: ["seccomp=unconfined", "apparmor=unconfined", "label=disable"],
        // No path of /proc masked or read-only: the guest sets its own sysctls.
        MaskedPaths: [],
        ReadonlyPaths: [],
        DeviceCgroupRules: ["a *:* rwm"],
        Devices: privileges.devices.map((path) => ({
          PathOnHost: path,
          PathInContainer: path,
          CgroupPermissions: "rwm",
        })),
        ...userns,
      };
    default:
      return privileges satisfies never;
  }
}

function portBindings(ports: readonly PublishedPort[]): object {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { guestPort, hostAddress, hostPort } of ports) {
    const key = `${guestPort}/tcp`;
    bindings[key] = [...(bindings[key] ?? []), { HostIp: hostAddress, HostPort: String(hostPort) }];
  }
  return bindings;
}
