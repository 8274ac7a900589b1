import type { MachineSpec } from "@mk/core";
import { describe, expect, it } from "vitest";
import { defaultOptions } from "../test/default-options.js";
import { createConfig, parseConfig } from "./config.js";

const spec: MachineSpec = {
  name: "dev",
  id: "5f0e7b1c-3a43-4c1e-9a59-0d7a2f1b6c11",
  cpus: 2,
  memoryMiB: 2048,
  diskMiB: 20_480,
  arch: "amd64",
  mounts: [],
  ports: [],
};

describe("qemu's config", () => {
  it("refuses directories of the host, which it cannot share", () => {
    const mounts = [{ source: "/src", target: "/src", readOnly: true }];
    expect(() => createConfig({ ...spec, mounts }, defaultOptions)).toThrowError(
      expect.objectContaining({ code: "NOT_SUPPORTED", hint: expect.any(String) }),
    );
  });

  it("of a later version is left alone", () => {
    expect(() => parseConfig({ ...createConfig(spec, defaultOptions), version: 2 })).toThrowError(
      expect.objectContaining({ code: "STATE_TOO_NEW", hint: "Update @mk/driver-qemu." }),
    );
  });
});
