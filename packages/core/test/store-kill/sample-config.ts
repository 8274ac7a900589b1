import type { MachineConfig } from "../../src/store/machine-config.js";

/** A config that is told from others by its label, a few kilobytes long. */
export function sampleConfig(label: string): MachineConfig {
  return {
    schemaVersion: 1,
    machine: {
      createdAt: "2026-01-02T03:04:05.678Z",
      spec: {
        name: "one",
        id: "11111111-2222-3333-4444-555555555555",
        cpus: 2,
        memoryMiB: 2048,
        diskMiB: 20480,
        arch: "amd64",
        mounts: [],
        ports: [],
      },
    },
    driver: { name: "process" },
    options: { label },
    driverConfig: { version: 1, padding: label.repeat(500) },
  };
}
