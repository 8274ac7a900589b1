import { describe, expect, it } from "vitest";
import { decodeMachineConfig, encodeMachineConfig, type MachineConfig } from "./machine-config.js";

const config: MachineConfig = {
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
  driver: { name: "qemu", package: "@mk/driver-qemu", version: "1.2.3" },
  options: { accel: "tcg", absent: undefined },
  driverConfig: { version: 1, nested: { b: 1, a: [1, "x", null] } },
};
const text = encodeMachineConfig(config);

describe("config.json", () => {
  it("reads back as it was written", () => {
    expect(decodeMachineConfig(text, "one")).toEqual(JSON.parse(JSON.stringify(config)));
  });

  it("reads whatever the order of its members", () => {
    const { checksum, ...rest } = JSON.parse(text);
    expect(decodeMachineConfig(JSON.stringify({ checksum, ...rest }), "one")).toMatchObject({ schemaVersion: 1 });
  });

  it("is corrupt when cut off anywhere", () => {
    // The last character is the newline: without it the file still is whole.
    for (let length = 0; length < text.length - 1; length++) {
      expect(() => decodeMachineConfig(text.slice(0, length), "one")).toThrow(
        expect.objectContaining({ code: "CONFIG_CORRUPT" }),
      );
    }
  });

  it("is corrupt, or unchanged in meaning, when any bit flips", () => {
    const bytes = Buffer.from(text);
    let found = 0;
    for (let bit = 0; bit < bytes.length * 8; bit += 7) {
      const flipped = Buffer.from(bytes);
      const index = bit >> 3;
      flipped[index] = (flipped[index] ?? 0) ^ (1 << (bit & 7));
      try {
        expect(decodeMachineConfig(flipped.toString("utf8"), "one")).toEqual(
          JSON.parse(text.replace(/,\s+"checksum.*"/, "")),
        );
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(CONFIG_CORRUPT|STATE_TOO_NEW)$/) });
        found++;
      }
    }
    expect(found).toBeGreaterThan(bytes.length / 2);
  });

  it.each([
    ["", "CONFIG_CORRUPT"],
    ["\0".repeat(100), "CONFIG_CORRUPT"],
    ["\uFEFF{}", "CONFIG_CORRUPT"],
    ["[]", "CONFIG_CORRUPT"],
    ["null", "CONFIG_CORRUPT"],
    ['"config"', "CONFIG_CORRUPT"],
    ["{}", "CONFIG_CORRUPT"],
    ['{"__proto__":{"polluted":true},"schemaVersion":1}', "CONFIG_CORRUPT"],
    ['{"schemaVersion":2}', "STATE_TOO_NEW"],
    ['{"schemaVersion":0}', "CONFIG_CORRUPT"],
    ["[".repeat(100_000), "CONFIG_CORRUPT"],
    [`${"[".repeat(100)}${"]".repeat(100)}`, "CONFIG_CORRUPT"],
  ])("refuses %.40j with %s", (broken, code) => {
    expect(() => decodeMachineConfig(broken, "one")).toThrow(expect.objectContaining({ code }));
  });

  it("is not another machine's", () => {
    expect(() => decodeMachineConfig(text, "two")).toThrow(expect.objectContaining({ code: "CONFIG_CORRUPT" }));
  });
});
