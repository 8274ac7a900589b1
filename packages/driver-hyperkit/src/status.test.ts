import type { Program } from "@mk/conformance";
import { describe, expect, test } from "vitest";
import { type MacOptions, scriptedMac } from "../test/scripted-mac.js";
import { status } from "./status.js";
import { isNewEnough, parseVersion } from "./version.js";

async function statusOn(mac: MacOptions) {
  await using host = scriptedMac(mac);
  return status(host, new AbortController().signal);
}

const codesign =
  (entitlements: string): Program =>
  (process) => {
    process.complain(`Executable=${process.args.at(-1)}\n`);
    process.print(`<plist><dict>${entitlements}</dict></plist>`);
  };

describe("status", () => {
  test("is ready with a version when a VM and its network could be made", async () => {
    expect(await statusOn({})).toMatchObject({ status: "ready", version: "0.20210107" });
  });

  test("is ready without root, and says that the network was not tried", async () => {
    const found = await statusOn({ uid: 501, misbehaves: "no-vmnet" });
    expect(found).toMatchObject({ status: "ready", note: expect.stringContaining("not tried") });
  });

  test("blames the network when root is refused it", async () => {
    expect(await statusOn({ misbehaves: "no-vmnet" })).toMatchObject({ code: "hyperkit-vmnet-refused" });
  });

  test("blames the signature when macOS refuses a VM to a program without the entitlement", async () => {
    const found = await statusOn({ misbehaves: "no-vm", programs: { codesign: codesign("") } });
    expect(found).toMatchObject({ code: "hyperkit-not-entitled", fix: expect.stringContaining("codesign") });
  });

  test("does not blame a signature that has the entitlement", async () => {
    const entitled = codesign("<key>com.apple.security.hypervisor</key><true/>");
    const found = await statusOn({ misbehaves: "no-vm", programs: { codesign: entitled } });
    expect(found).toMatchObject({ code: "hyperkit-vm-refused" });
  });

  test("does not blame a signature that cannot be read", async () => {
    expect(await statusOn({ misbehaves: "no-vm" })).toMatchObject({ code: "hyperkit-vm-refused" });
  });

  test("names the version that is too old", async () => {
    const found = await statusOn({ misbehaves: "old" });
    expect(found).toMatchObject({ code: "hyperkit-too-old", version: "0.20180621" });
  });
});

describe("parseVersion", () => {
  for (const [text, version] of [
    ["hyperkit: 0.20210107\n\nHomepage: https://github.com/docker/hyperkit\n", "0.20210107"],
    ["hyperkit: v0.20200908\n", "0.20200908"],
    ["hyperkit: v0.20190201-11-gc0dd46b\n", "0.20190201"],
    ["hyperkit: v0.20190201+dirty\n", "0.20190201"],
    ["hyperkit: unknown\n", undefined],
    ["hyperkit: command not found", undefined],
    ["", undefined],
  ] as const) {
    test(`reads ${version ?? "no version"} of ${JSON.stringify(text)}`, () => {
      expect(parseVersion(text)).toBe(version);
    });
  }
});

test("isNewEnough compares by major, then by date", () => {
  expect(["0.20190201", "0.20210107", "1.20100101"].every(isNewEnough)).toBe(true);
  expect(["0.20190131", "0.20180621"].some(isNewEnough)).toBe(false);
});
