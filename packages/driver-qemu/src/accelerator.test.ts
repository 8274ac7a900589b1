import { type Program, type ScriptedHostOptions, scriptedHost } from "@mk/conformance";
import { describe, expect, test } from "vitest";
import { defaultOptions } from "../test/default-options.js";
import { scriptedQemu } from "../test/scripted-qemu.js";
import { explainEmulation, findAccelerator } from "./accelerator.js";
import { findInstallation } from "./installation.js";
import { status } from "./status.js";

const never = () => AbortSignal.timeout(20_000);

function hostWith(program: Program, options: ScriptedHostOptions = {}) {
  const runs: string[] = [];
  const counted: Program = (process) => {
    if (process.args.includes("-bios")) runs.push(process.args[process.args.indexOf("-accel") + 1] ?? "");
    return program(process);
  };
  const host = scriptedHost({ programs: { "qemu-system-x86_64": counted }, ...options });
  const find = async (signal = never()) =>
    findAccelerator(host, "amd64", await findInstallation(host, "amd64", undefined, signal), signal);
  return { host, runs, find };
}

/** QEMU as it fails on an accelerator it cannot use. */
function failing(accelerator: string, words: string): Program {
  return (process) => {
    const probed = process.args[process.args.indexOf("-accel") + 1]?.split(",")[0];
    if (!process.args.includes("-bios") || probed !== accelerator) return scriptedQemu()(process);
    process.complain(`qemu-system-x86_64: ${words}\n`);
    return 1;
  };
}

describe("findAccelerator", () => {
  test.each([
    ["linux", "kvm"],
    ["darwin", "hvf"],
    ["win32", "whpx"],
    ["freebsd", "tcg"],
  ] as const)("takes what ran a guest: on %s %s", async (platform, accelerator) => {
    const { find } = hostWith(scriptedQemu(), { platform });
    const finding = await find();
    expect(finding).toEqual({ works: accelerator, failed: [] });
  });

  test("finds out that an accelerator never runs its guest, asks once per boot, and says why it emulates", async () => {
    const { host, runs, find } = hostWith(scriptedQemu({ accelerators: ["tcg"] }));
    const finding = await find();
    expect(finding.works).toBe("tcg");
    expect(explainEmulation(finding)).toBe(
      "software emulation; kvm: no guest instruction ran, when emulation had long run it",
    );
    expect(await find()).toEqual(finding);
    expect(runs).toEqual(["kvm", "tcg"]);
    await host.reboot();
    await find();
    expect(runs).toEqual(["kvm", "tcg", "kvm", "tcg"]);
  });

  test("waits for an accelerator on a computer so busy that emulation takes long too", async () => {
    const { runs, find } = hostWith(async (process) => {
      if (process.args.includes("-bios")) await process.delay(process.args.includes("kvm") ? 6_000 : 5_600);
      return scriptedQemu()(process);
    });
    expect(await find()).toEqual({ works: "kvm", failed: [] });
    expect(runs).toEqual(["kvm", "tcg"]);
  });

  test("asks again each time what QEMU refused, since that may change without a reboot", async () => {
    let isAllowed = false;
    const { find } = hostWith((process) =>
      isAllowed ? scriptedQemu()(process) : failing("kvm", "Permission denied")(process),
    );
    expect(await find()).toEqual({ works: "tcg", failed: [{ accelerator: "kvm", reason: "Permission denied" }] });
    isAllowed = true;
    expect(await find()).toEqual({ works: "kvm", failed: [] });
  });

  test("asks again when QEMU's file changes", async () => {
    const { host, runs, find } = hostWith(scriptedQemu());
    await find();
    await host.delay(1000, never());
    await host.files.write("/usr/bin/qemu-system-x86_64", "upgraded", { mode: 0o755 });
    await find();
    expect(runs).toEqual(["kvm", "kvm"]);
  });

  test("emulates guests of another architecture without a look at the host's accelerator", async () => {
    const { find, runs } = hostWith(scriptedQemu(), { arch: "arm64" });
    expect(await find()).toEqual({ works: "tcg", failed: [] });
    expect(runs).toEqual(["tcg"]);
  });

  test("ends with the signal's own reason, and keeps nothing of a probe that was cut short", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const { runs, find } = hostWith((process) => {
      if (process.args.includes("-bios")) controller.abort(reason);
      return scriptedQemu()(process);
    });
    await expect(find(controller.signal)).rejects.toBe(reason);
    expect(await find()).toEqual({ works: "kvm", failed: [] });
    expect(runs).toEqual(["kvm", "kvm"]);
  });
});

describe("status", () => {
  test("is ready without a note where the accelerator works", async () => {
    const { host } = hostWith(scriptedQemu());
    expect(await status(host, never())).toEqual({
      status: "ready",
      version: "9.2.1",
      facts: { binary: "/usr/bin/qemu-system-x86_64", accelerator: "kvm" },
    });
  });

  test.each([
    ["linux", "kvm", "Could not access KVM kernel module: Permission denied", /usermod -aG kvm user/],
    ["linux", "kvm", "Could not access KVM kernel module: No such file or directory", /firmware/],
    ["win32", "whpx", "No accelerator found", /Windows Hypervisor Platform/],
  ] as const)("on %s advises what would make %s work: %s", async (platform, accelerator, words, advice) => {
    const { host } = hostWith(failing(accelerator, words), { platform });
    expect(await status(host, never())).toMatchObject({
      status: "ready",
      note: `software emulation; ${accelerator}: ${words}`,
      advice: expect.stringMatching(advice),
      facts: { accelerator: "tcg" },
    });
  });

  test("is missing without QEMU, and names the packages that bring it", async () => {
    expect(await status(scriptedHost({ arch: "arm64", platform: "darwin" }), never())).toMatchObject({
      status: "missing",
      code: "qemu-not-found",
      fix: 'Install it with "brew install qemu".',
      packages: { apt: ["qemu-system-arm"], brew: ["qemu"] },
    });
  });

  test("answers for the machine that is wanted", async () => {
    const { host, runs } = hostWith(scriptedQemu());
    const ask = (machine: Parameters<typeof status>[2]) => status(host, never(), machine);
    expect(await ask({ arch: "arm64", options: defaultOptions })).toMatchObject({
      status: "missing",
      reason: "qemu-system-aarch64 was not found",
    });
    expect(await ask({ arch: "amd64", options: { ...defaultOptions, binary: "/opt/qemu" } })).toMatchObject({
      status: "missing",
      reason: "/opt/qemu was not found",
    });
    expect(await ask({ arch: "amd64", options: { ...defaultOptions, accelerator: "hvf" } })).toMatchObject({
      status: "unhealthy",
      code: "hvf-unusable",
      reason: "hvf cannot be used: there is none for amd64 guests on this host",
    });
    expect(await ask({ arch: "amd64", options: { ...defaultOptions, accelerator: "tcg" } })).toMatchObject({
      status: "ready",
      note: "software emulation",
      facts: { accelerator: "tcg" },
    });
    expect(runs).toEqual([]);
    expect(await ask({ arch: "amd64", options: { ...defaultOptions, accelerator: "kvm" } })).toMatchObject({
      status: "ready",
      facts: { accelerator: "kvm" },
    });
    expect(runs).toEqual(["kvm"]);
  });

  test.each([
    [
      "never runs its guest",
      scriptedQemu({ accelerators: ["tcg"] }),
      /no guest instruction ran/,
      /accelerator at auto/,
    ],
    ["may not be used", failing("kvm", "Permission denied"), /Permission denied/, /usermod -aG kvm user/],
  ])("is unhealthy when the accelerator that is demanded %s", async (_, program, reason, fix) => {
    const { host } = hostWith(program);
    const options = { ...defaultOptions, accelerator: "kvm" } as const;
    expect(await status(host, never(), { arch: "amd64", options })).toMatchObject({
      status: "unhealthy",
      code: "kvm-unusable",
      reason: expect.stringMatching(reason),
      fix: expect.stringMatching(fix),
    });
  });

  test.each([
    ["too old", scriptedQemu({ version: "6.1.0" }), /QEMU 6\.1 is too old, mk needs 6\.2/],
    ["not QEMU at all", (() => 127) as Program, /does not run/],
  ])("is unhealthy when the binary is %s", async (_, program, reason) => {
    const { host } = hostWith(program);
    expect(await status(host, never())).toMatchObject({
      status: "unhealthy",
      code: "qemu-unusable",
      reason: expect.stringMatching(reason),
    });
  });

  test("is unhealthy when no guest runs, not even by emulation", async () => {
    const { host } = hostWith((process) => (process.args.includes("-bios") ? 1 : scriptedQemu()(process)));
    expect(await status(host, never())).toMatchObject({ status: "unhealthy", code: "qemu-runs-no-guest" });
  });

  test("finds QEMU where Homebrew puts it, though it is not in PATH", async () => {
    const host = scriptedHost({
      platform: "darwin",
      programs: { "/opt/homebrew/bin/qemu-system-x86_64": scriptedQemu() },
    });
    expect(await status(host, never())).toMatchObject({ facts: { binary: "/opt/homebrew/bin/qemu-system-x86_64" } });
  });
});
