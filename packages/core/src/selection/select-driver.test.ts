import { describe, expect, it } from "vitest";
import type { Driver, DriverPriority } from "../contract/driver.js";
import type { Host } from "../contract/host.js";
import type { DriverStatus } from "../contract/status.js";
import { defineDriver } from "../define-driver.js";
import { MkError } from "../errors.js";
import type { DriverEntry, SkippedDriver } from "../registry/entry.js";
import { createRegistry } from "../registry/registry.js";
import { selectDriver } from "./select-driver.js";

const host = {} as Host;
const signal = new AbortController().signal;
const READY: DriverStatus = { status: "ready" };

function entry(
  name: string,
  priority: DriverPriority,
  status: Driver["status"] = async () => READY,
  more: { autoSelect?: boolean; aliases?: readonly string[]; builtin?: boolean } = {},
): DriverEntry {
  const driver = defineDriver({
    name,
    aliases: more.aliases ?? [],
    summary: "for tests",
    priority,
    autoSelect: more.autoSelect ?? true,
    traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
    options: {},
    status,
    createConfig: () => ({}),
    parseConfig: () => ({}),
    createDriver: () => {
      throw new Error("not used");
    },
  });
  return { name, aliases: driver.aliases, builtin: more.builtin ?? true, origin: name, load: async () => driver };
}

const registryOf = (...found: readonly DriverEntry[]) => createRegistry({ found });
const never = () => new Promise<never>(() => {});

describe("automatic selection", () => {
  it("takes the ready driver of the highest priority, then the first by name", async () => {
    const registry = registryOf(
      entry("delta", "default"),
      entry("beta", "preferred"),
      entry("alpha", "preferred"),
      entry("gamma", "highly-preferred", async () => ({
        status: "stopped",
        code: "x",
        reason: "its service does not run",
      })),
    );
    const selection = await selectDriver(registry, {}, { host, signal });
    expect(selection.driver.name).toBe("alpha");
    expect(selection.automatic).toBe(true);
    expect(selection.why).toBe("preferred, before beta, delta");
    expect(selection.alternates.map(({ name }) => name)).toEqual(["beta", "delta"]);
    expect(selection.rejects).toEqual([{ driver: "gamma", reason: "its service does not run" }]);
  });

  it("never takes what is below default or asks to be named", async () => {
    const below: readonly DriverPriority[] = ["fallback", "deprecated", "discouraged", "experimental", "obsolete"];
    const registry = registryOf(
      ...below.map((priority) => entry(priority, priority)),
      entry("shy", "highly-preferred", undefined, { autoSelect: false }),
    );
    const error = await selectDriver(registry, {}, { host, signal }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "NO_DRIVER" });
    for (const { name } of registry.entries)
      expect((error as MkError).message).toContain(`${name}: is used only when it is named`);
  });

  it("asks all drivers at once", async () => {
    // Each answers only after all were asked: asked in turn, none ever would.
    let asked = 0;
    const all: (() => void)[] = [];
    const together = () =>
      new Promise<DriverStatus>((resolve) => {
        all.push(() => resolve(READY));
        if (++asked === 3) for (const answer of all) answer();
      });
    const registry = registryOf(
      entry("a", "default", together),
      entry("b", "default", together),
      entry("c", "default", together),
    );
    expect((await selectDriver(registry, {}, { host, signal })).driver.name).toBe("a");
  });

  it("reports a driver that does not answer as a deadline and takes another", async () => {
    const registry = registryOf(entry("deaf", "highly-preferred", never), entry("good", "default"));
    const selection = await selectDriver(registry, {}, { host, signal, deadlineMs: 20 });
    expect(selection.driver.name).toBe("good");
    expect(selection.rejects).toEqual([
      { driver: "deaf", reason: "did not answer within 0.02 s", fix: expect.stringContaining("--driver") },
    ]);
  });

  it("rejects a driver that throws, cannot be loaded or answers no status, with its reason and fix, and takes another", async () => {
    const broken = {
      ...entry("broken", "highly-preferred"),
      load: async () => {
        throw new MkError("DRIVER_INVALID", "broken@1 cannot be loaded", { hint: "Install it again." });
      },
    };
    const throws = entry("throws", "highly-preferred", async () => {
      throw new Error("boom");
    });
    const mute = entry("mute", "highly-preferred", async () => undefined as never);
    const all = registryOf(broken, throws, mute, entry("good", "default"));
    const selection = await selectDriver(all, {}, { host, signal });
    expect(selection.driver.name).toBe("good");
    expect(selection.rejects).toEqual([
      { driver: "broken", reason: "broken@1 cannot be loaded", fix: "Install it again." },
      { driver: "mute", reason: "it answers with no status", fix: "Run mk doctor mute" },
      { driver: "throws", reason: "boom", fix: "Run mk doctor throws" },
    ]);
  });

  it("does not start programs found on PATH", async () => {
    const external = entry("external", "highly-preferred", never, { builtin: false });
    expect((await selectDriver(registryOf(external, entry("good", "default")), {}, { host, signal })).driver.name).toBe(
      "good",
    );
  });

  it("lists every driver with its reason and fix when none is ready", async () => {
    const missing: DriverStatus = { status: "missing", code: "m", reason: "it is not installed", fix: "Install it." };
    const skipped: SkippedDriver[] = [
      { name: "hyperkit", origin: "x", kind: "unsupported", reason: "needs darwin, this is linux" },
      { name: "twin", origin: "x", kind: "shadowed", reason: "another comes first" },
    ];
    const registry = createRegistry({ found: [entry("qemu", "default", async () => missing)], skipped });
    await expect(selectDriver(registry, {}, { host, signal })).rejects.toMatchObject({
      code: "NO_DRIVER",
      details: {
        drivers: [
          { driver: "qemu", reason: "it is not installed", fix: "Install it." },
          { driver: "hyperkit", reason: "needs darwin, this is linux" },
        ],
      },
    });
  });

  it("says what to install when there is no driver at all", async () => {
    await expect(selectDriver(registryOf(), {}, { host, signal })).rejects.toMatchObject({
      code: "NO_DRIVER",
      hint: expect.stringContaining("mk driver add"),
    });
  });

  it("ends with the signal's reason while drivers are asked", async () => {
    const controller = new AbortController();
    const reason = new MkError("CANCELLED", "interrupted");
    const registry = registryOf(
      entry("deaf", "default", async () => {
        controller.abort(reason);
        return await never();
      }),
    );
    await expect(selectDriver(registry, {}, { host, signal: controller.signal })).rejects.toBe(reason);
  });
});

describe("a named driver", () => {
  const registry = registryOf(entry("one", "default", never, { aliases: ["uno"] }), entry("two", "default", never));

  it.each([
    ["the one asked for", { requested: "uno", env: "two", configured: "two" }, "one", "asked for"],
    ["MK_DRIVER's", { env: "two", configured: "one" }, "two", "set by MK_DRIVER"],
    ["the user's config's", { requested: "", env: "", configured: "two" }, "two", "set by mk config"],
  ])("is %s, and is not probed", async (_, wishes, name, why) => {
    const selection = await selectDriver(registry, wishes, { host, signal });
    expect(selection).toMatchObject({ driver: { name }, why, automatic: false, alternates: [], rejects: [] });
  });
});
