import type { OptionSpecs } from "@mk/core";
import { describe, expect, it } from "vitest";
import { driverOfFlags, mayHaveDriverFlags, namedDriver, takeDriverFlags } from "./driver-flags.js";

const qemu = {
  name: "qemu",
  options: {
    accel: { type: "string", describe: "x", choices: ["kvm", "tcg"] },
    port: { type: "integer", describe: "x" },
    sandbox: { type: "boolean", describe: "x" },
    extraArgs: { type: "list", describe: "x" },
  } satisfies OptionSpecs,
};

describe("flags of a driver", () => {
  it.each<[readonly string[], readonly string[], Record<string, unknown>]>([
    [["--qemu-accel", "tcg", "name"], ["name"], { accel: "tcg" }],
    [["--qemu-accel=kvm", "--cpus", "2"], ["--cpus", "2"], { accel: "kvm" }],
    [["--qemu-sandbox", "name"], ["name"], { sandbox: true }],
    [["--qemu-sandbox=false"], [], { sandbox: false }],
    [["--no-qemu-sandbox"], [], { sandbox: false }],
    [["--qemu-extra-args=-a,-b", "--qemu-extra-args", "-c"], [], { extraArgs: ["-a", "-b", "-c"] }],
    [["--qemu-port", "007"], [], { port: 7 }],
    [["--", "--qemu-accel", "tcg"], ["--", "--qemu-accel", "tcg"], {}],
  ])("are taken out of %j", (argv, rest, options) => {
    const taken = takeDriverFlags(argv, qemu);
    expect(taken.rest).toEqual(rest);
    expect(taken.flags.options).toEqual(options);
    expect(taken.flags.driver).toBe(Object.keys(options).length > 0 ? "qemu" : undefined);
  });

  it.each([
    [["--qemu-acel", "tcg"], "UNKNOWN_COMMAND", "Did you mean: --qemu-accel"],
    [["--qemu-accel"], "INVALID_ARGUMENT", "Write --qemu-accel=<value>"],
    [["--qemu-accel", "xen"], "INVALID_OPTION", "Choose one of: kvm, tcg."],
    [["--qemu-port", "1e3"], "INVALID_OPTION", "Give decimal digits only."],
    [["--no-qemu-accel"], "UNKNOWN_COMMAND", "See: mk start --driver=qemu --help"],
  ])("are refused in %j", (argv, code, hint) => {
    expect(() => takeDriverFlags(argv, qemu)).toThrowError(expect.objectContaining({ code, hint }));
  });

  it("name their driver, by the longest name that fits", () => {
    const entry = (name: string) => ({ name, aliases: [], builtin: true, origin: name, load: () => Promise.reject() });
    const discovery = { found: ["kvm", "kvm-x", "qemu"].map(entry), skipped: [], roots: [] };
    expect(driverOfFlags(["start", "--kvm-x-y=1"], discovery)).toBe("kvm-x");
    expect(driverOfFlags(["start", "--kvm-y"], discovery)).toBe("kvm");
    expect(driverOfFlags(["start", "--disk-size", "1g"], discovery)).toBeUndefined();
  });

  it("are looked for only where a flag is not one of the command's", () => {
    expect(mayHaveDriverFlags(["start", "--disk-size=1g", "--force"], ["disk-size", "force"])).toBe(false);
    expect(mayHaveDriverFlags(["start", "--qemu-accel=tcg"], ["disk-size"])).toBe(true);
    expect(mayHaveDriverFlags(["ssh", "--", "--qemu-accel=tcg"], ["disk-size"])).toBe(false);
  });

  it("can be those of the driver that is named", () => {
    for (const argv of [["--driver", "qemu"], ["--driver=qemu"], ["-d", "qemu"], ["-dqemu"], ["-d=qemu"]]) {
      expect(namedDriver(["start", ...argv])).toBe("qemu");
    }
    expect(namedDriver(["start", "--", "--driver=qemu"])).toBeUndefined();
    expect(namedDriver(["start", "--driver", "../x"])).toBeUndefined();
  });
});
