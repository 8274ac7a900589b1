import { describe, expect, it } from "vitest";
import { bridgeName, networkUuid, parseConfig } from "./config.js";
import { driver } from "./driver.js";

const spec = {
  name: "dev",
  id: "5f0e7b1c-3a43-4c1e-9a59-0d7a2f1b6c11",
  cpus: 2,
  memoryMiB: 2048,
  diskMiB: 20480,
  arch: "amd64",
  mounts: [],
  ports: [],
} as const;
const values = { uri: "qemu:///system", virtualization: "auto", hidden: false, diskCache: "default" };

describe("kvm2's config", () => {
  it("survives JSON and its own parser", () => {
    const config = driver.createConfig(spec, values);
    expect(parseConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it("refuses directories of the host, which it cannot share", () => {
    const mounts = [{ source: "/src", target: "/src", readOnly: true }];
    expect(() => driver.createConfig({ ...spec, mounts }, values)).toThrowError(
      expect.objectContaining({ code: "NOT_SUPPORTED", hint: expect.any(String) }),
    );
  });

  it.each([
    [null],
    [{}],
    ["text"],
    [{ ...(driver.createConfig(spec, values) as object), uri: "qemu+ssh://elsewhere/" }],
    [{ ...(driver.createConfig(spec, values) as object), hidden: "yes" }],
  ])("refuses %j as corrupt", (raw) => {
    expect(() => parseConfig(raw)).toThrowError(expect.objectContaining({ code: "CONFIG_CORRUPT" }));
  });

  it("refuses what a later version wrote, which an update can read", () => {
    expect(() => parseConfig({ ...(driver.createConfig(spec, values) as object), version: 2 })).toThrowError(
      expect.objectContaining({ code: "STATE_TOO_NEW", hint: expect.stringMatching(/^Update/) }),
    );
  });

  it("derives a network UUID and a bridge name that fit, and differ by machine", () => {
    expect(networkUuid(spec.id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(networkUuid("other")).not.toBe(networkUuid(spec.id));
    expect(bridgeName(spec.id).length).toBeLessThanOrEqual(15);
  });
});
