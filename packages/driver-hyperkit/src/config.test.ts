import type { MachineSpec } from "@mk/core";
import { describe, expect, test } from "vitest";
import { createConfig, parseConfig } from "./config.js";

const SPEC: MachineSpec = {
  name: "m1",
  id: "6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21",
  cpus: 2,
  memoryMiB: 2048,
  diskMiB: 20_480,
  arch: "amd64",
  mounts: [],
  ports: [],
};

const create = (changes: Partial<MachineSpec>) =>
  createConfig({ ...SPEC, ...changes }, { binary: undefined, extraArgs: [] });

describe("createConfig", () => {
  for (const [what, changes] of [
    ["an arm64 guest", { arch: "arm64" }],
    ["more than 16 CPUs", { cpus: 17 }],
    ["mounts", { mounts: [{ source: "/src", target: "/src", readOnly: true }] }],
  ] as const satisfies readonly (readonly [string, Partial<MachineSpec>])[]) {
    test(`refuses ${what} with NOT_SUPPORTED`, () => {
      expect(() => create(changes)).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
    });
  }

  test("takes what HyperKit can do", () => {
    expect(create({ cpus: 16 })).toMatchObject({ version: 1, cpus: 16 });
  });
});

test("a config of a later version is left alone", () => {
  expect(() => parseConfig({ ...create({}), version: 2 })).toThrow(
    expect.objectContaining({ code: "STATE_TOO_NEW", hint: "Update @mk/driver-hyperkit." }),
  );
});
