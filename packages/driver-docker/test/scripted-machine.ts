import type { Machine, MachineSpec, Operation, OptionValues } from "@mk/core";
import dockerDriver from "../src/index.js";
import type { options } from "../src/options.js";
import { type DockerHost, dockerHost } from "./docker-host.js";

export const DIGEST = `sha256:${"5e".repeat(32)}`;

export interface ScriptedMachine extends DockerHost {
  readonly spec: MachineSpec;
  readonly machine: Machine;
  readonly op: Operation;
  /** What the driver logged. */
  readonly logged: { readonly message: string; readonly fields: unknown }[];
  /** Another process' handle, for the same machine with other settings if given. */
  again(changes?: Partial<MachineSpec>): Promise<Machine>;
}

export interface ScriptedMachineOptions {
  readonly spec?: Partial<MachineSpec>;
  readonly options?: Partial<OptionValues<typeof options>>;
  readonly on?: DockerHost;
}

/** A machine of a fake engine, as core would hold it. */
export async function scriptedMachine({
  spec: changes,
  options: values,
  on = dockerHost(),
}: ScriptedMachineOptions = {}): Promise<ScriptedMachine> {
  const { host } = on;
  const signal = new AbortController().signal;
  const logged: { message: string; fields: unknown }[] = [];
  const op: Operation = {
    signal,
    step: async (_id, _title, work) => work(() => undefined),
    undo: () => undefined,
    log: (message, fields) => void logged.push({ message, fields }),
  };
  const spec: MachineSpec = {
    name: "m",
    id: "6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21",
    cpus: 2,
    memoryMiB: 1024,
    diskMiB: 2048,
    arch: "amd64",
    imageDigest: DIGEST,
    mounts: [],
    ports: [],
    ...changes,
  };
  let record: string | undefined;
  // The engine comes up first.
  await host.delay(1000, signal);
  await host.files.write("/root.oci.tar", "a tar");
  const open = async (given: MachineSpec): Promise<Machine> =>
    dockerDriver.createDriver(dockerDriver.createConfig(given, { privileges: "auto", ...values }), {
      name: given.name,
      id: given.id,
      directory: "/machine",
      host,
      spec: given,
      image: async () => ({
        digest: DIGEST,
        arch: "amd64",
        debianVersion: "13",
        kernel: "",
        initramfs: "",
        root: "",
        oci: "/root.oci.tar",
        cmdline: "",
      }),
      seed: async ({ addresses = [] } = {}) => [
        { path: "/etc/hostname", mode: 0o644, contents: given.name },
        { path: "/etc/mk/addresses", mode: 0o600, contents: addresses.join("\n") },
      ],
      record: {
        read: async () => (record === undefined ? undefined : JSON.parse(record)),
        write: async (value) => {
          record = JSON.stringify(value);
        },
      },
    });
  return { ...on, spec, machine: await open(spec), op, logged, again: (more) => open({ ...spec, ...more }) };
}
