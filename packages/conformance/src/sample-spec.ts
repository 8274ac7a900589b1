import type { MachineSpec } from "@mk/core";

/** A machine as tests of pure functions describe it: no host is asked. */
export function sampleSpec(changes: Partial<MachineSpec> = {}): MachineSpec {
  return {
    name: "conf-sample",
    id: "6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21",
    cpus: 2,
    memoryMiB: 1024,
    diskMiB: 2048,
    arch: "amd64",
    imageDigest: `sha256:${"5e".repeat(32)}`,
    mounts: [],
    ports: [],
    ...changes,
  };
}
