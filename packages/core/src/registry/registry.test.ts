import { describe, expect, it } from "vitest";
import { defineDriver } from "../define-driver.js";
import { MkError } from "../errors.js";
import { valueEntry } from "./driver-entry.js";
import type { DriverEntry } from "./entry.js";
import { createRegistry } from "./registry.js";

const signal = new AbortController().signal;

function driver(name: string, aliases: readonly string[] = []) {
  return defineDriver({
    name,
    aliases,
    summary: "for tests",
    priority: "default",
    traits: { isolation: "none", parallel: true, privileged: false, image: "none" },
    options: {},
    status: async () => ({ status: "ready" }),
    createConfig: () => ({}),
    parseConfig: () => ({}),
    createDriver: () => {
      throw new Error("not used");
    },
  });
}

function entry(name: string, aliases: readonly string[] = [], more: Partial<DriverEntry> = {}): DriverEntry {
  return { name, aliases, builtin: true, origin: `${name}@1.0.0`, load: async () => driver(name, aliases), ...more };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (MkError.is(error)) return error.code;
    throw error;
  }
  return "no error";
}

describe("registry", () => {
  it("lists entries by name whatever the order of registration", () => {
    const names = ["qemu", "docker", "a", "kvm2"];
    for (const order of [names, [...names].reverse()]) {
      const registry = createRegistry();
      for (const name of order) registry.register(entry(name));
      expect(registry.entries.map((each) => each.name)).toEqual(["a", "docker", "kvm2", "qemu"]);
    }
  });

  it("finds an entry by its exact name before any alias", () => {
    const registry = createRegistry({ found: [entry("one", ["uno"]), entry("two")] });
    expect(registry.find("uno")?.name).toBe("one");
    expect(registry.find("two")?.name).toBe("two");
    expect(registry.find("constructor")).toBeUndefined();
  });

  it.each([
    ["a name that is taken", entry("one")],
    ["a name that is another's alias", entry("uno")],
    ["an alias that is another's name", entry("fresh", ["one"])],
    ["an alias that is another's alias", entry("fresh", ["uno"])],
    ["its own name as an alias", entry("fresh", ["fresh"])],
    ["an alias twice", entry("fresh", ["again", "again"])],
    ["a malformed name", entry("Fresh")],
    ["a malformed alias", entry("fresh", ["../x"])],
  ])("refuses %s", (_, bad) => {
    const registry = createRegistry({ found: [entry("one", ["uno"])] });
    expect(codeOf(() => registry.register(bad))).toBe("DRIVER_INVALID");
  });

  it("stores nothing of a call in which any entry is refused", () => {
    const registry = createRegistry({ found: [entry("one", ["uno"])] });
    expect(codeOf(() => registry.register(entry("good", ["fine"]), entry("bad", ["uno"])))).toBe("DRIVER_INVALID");
    expect(registry.entries.map((each) => each.name)).toEqual(["one"]);
    for (const name of ["good", "fine", "bad"]) expect(registry.find(name)).toBeUndefined();
    registry.register(entry("good", ["fine"]));
    expect(registry.find("fine")?.name).toBe("good");
  });

  it("loads a driver once for all who ask at the same time and later", async () => {
    let loads = 0;
    const load = async () => {
      loads++;
      return driver("one");
    };
    const registry = createRegistry({ found: [entry("one", ["uno"], { load })] });
    const [first, second] = await Promise.all([registry.load("one", signal), registry.load("uno", signal)]);
    expect(await registry.load("one", signal)).toBe(first);
    expect(second).toBe(first);
    expect(loads).toBe(1);
  });

  it("loads again after a load that failed", async () => {
    let loads = 0;
    const load = async () => {
      if (++loads === 1) throw new MkError("DRIVER_INVALID", "broken for now");
      return driver("one");
    };
    const registry = createRegistry({ found: [entry("one", [], { load })] });
    await expect(registry.load("one", signal)).rejects.toMatchObject({ code: "DRIVER_INVALID" });
    expect((await registry.load("one", signal)).name).toBe("one");
  });

  it("does not let one caller's abort end another caller's load", async () => {
    let loads = 0;
    const load = async (own: AbortSignal) => {
      if (++loads > 1) return driver("one");
      return await new Promise<never>((_, reject) => own.addEventListener("abort", () => reject(own.reason)));
    };
    const registry = createRegistry({ found: [entry("one", [], { load })] });
    const impatient = new AbortController();
    const first = registry.load("one", impatient.signal);
    const second = registry.load("one", signal);
    const reason = new MkError("CANCELLED", "interrupted");
    impatient.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect((await second).name).toBe("one");
  });

  it("does not wait longer than its signal for a load that heeds none", async () => {
    const registry = createRegistry({ found: [entry("one", [], { load: () => new Promise(() => undefined) })] });
    const impatient = new AbortController();
    const loading = registry.load("one", impatient.signal);
    const reason = new MkError("CANCELLED", "interrupted");
    impatient.abort(reason);
    await expect(loading).rejects.toBe(reason);
  });

  it.each([
    ["something that is no driver", undefined],
    ["a driver of another name", driver("two")],
    ["an object without the driver's functions", { contract: 1, name: "one", options: {} }],
  ])("refuses a package that exports %s", async (_, value) => {
    const registry = createRegistry({ found: [entry("one", [], { load: async () => value as never })] });
    await expect(registry.load("one", signal)).rejects.toMatchObject({ code: "DRIVER_INVALID" });
  });

  it("refuses a driver of another contract and says which side to update", async () => {
    const loading = (contract: number) => {
      const load = async () => ({ ...driver("one"), contract }) as never;
      return createRegistry({ found: [entry("one", [], { load })] }).load("one", signal);
    };
    await expect(loading(2)).rejects.toMatchObject({
      code: "DRIVER_UNSUPPORTED",
      hint: expect.stringContaining("Update mk"),
    });
    await expect(loading(0)).rejects.toMatchObject({
      code: "DRIVER_UNSUPPORTED",
      hint: expect.stringContaining("driver's package"),
    });
  });

  it("takes a driver given as a value", async () => {
    const given = driver("mine", ["own"]);
    const registry = createRegistry({ found: [valueEntry(given)] });
    expect(await registry.load("own", signal)).toBe(given);
  });
});

describe("a name without a driver", () => {
  const registry = createRegistry({
    found: [entry("qemu", ["qemu2"]), entry("docker")],
    skipped: [
      {
        name: "hyperkit",
        origin: "@mk/driver-hyperkit@1.0.0",
        kind: "unsupported",
        reason: "needs darwin, this is linux",
      },
      {
        name: "evil",
        origin: "/tmp/x",
        kind: "untrusted",
        reason: "/tmp/x is writable for everybody",
        fix: "Remove it.",
      },
    ],
  });
  const errorFor = (name: string): MkError => {
    try {
      registry.resolve(name);
    } catch (error) {
      if (MkError.is(error)) return error;
    }
    throw new Error("no error");
  };

  it("is suggested what was meant", () => {
    expect(errorFor("qmeu")).toMatchObject({ code: "DRIVER_UNKNOWN", hint: "Use --driver=qemu" });
    expect(errorFor("Docker")).toMatchObject({ code: "DRIVER_UNKNOWN", hint: "Use --driver=docker" });
  });

  it("is told the package to install when the driver is one of ours", () => {
    for (const name of ["kvm2", "kvm", "libvirt"]) {
      expect(errorFor(name)).toMatchObject({ code: "DRIVER_MISSING", hint: "Install it: mk driver add kvm2" });
    }
    expect(errorFor("kvm3")).toMatchObject({ code: "DRIVER_UNKNOWN", hint: "Install it: mk driver add kvm2" });
  });

  it("is told why an installed driver is not used", () => {
    const unsupported = errorFor("hyperkit");
    expect(unsupported.code).toBe("DRIVER_UNSUPPORTED");
    expect(unsupported.message).toContain("needs darwin, this is linux");
    expect(errorFor("evil")).toMatchObject({ code: "DRIVER_INVALID", hint: "Remove it." });
  });

  it("is shown what is installed when nothing is near", () => {
    const error = errorFor("something-else");
    expect(error.code).toBe("DRIVER_UNKNOWN");
    expect(error.message).toContain("installed: docker, qemu, qemu2");
    expect(error.hint).toContain("mk driver add");
    // A machine of a docker-machine driver outlives the driver's program.
    expect(error.hint).toContain("docker-machine-driver-something-else");
    expect(errorFor("some/thing else").hint).toBe("See what there is: mk driver list");
  });
});
