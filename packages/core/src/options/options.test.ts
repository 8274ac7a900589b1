import { describe, expect, it } from "vitest";
import type { OptionSpecs } from "../contract/options.js";
import { optionDescription, optionPlaceholder } from "./option-help.js";
import { namedOptions, toKebab } from "./option-name.js";
import { parseOption } from "./parse-option.js";
import { checkOptions, resolveOptions } from "./resolve-options.js";

const driver = {
  name: "kvm2",
  options: {
    network: { type: "string", describe: "libvirt network", default: "default" },
    mode: { type: "string", describe: "how", choices: ["slow", "fast"] },
    tag: { type: "string", describe: "a word", pattern: /^\w+$/g },
    numaNodes: { type: "integer", describe: "NUMA nodes", min: 1, max: 8, env: "KVM_NUMA" },
    hidden: { type: "boolean", describe: "hide the hypervisor", default: false },
    disks: { type: "list", describe: "more disks" },
    password: { type: "string", describe: "secret word", secret: true, choices: ["open sesame"] },
  },
} as const satisfies { name: string; options: OptionSpecs };

const specs: OptionSpecs = driver.options;

describe("names of options", () => {
  it("are derived from the driver's and the option's name", () => {
    expect(namedOptions(driver).map(({ flag, env, setting }) => [flag, env, setting])).toEqual([
      ["kvm2-network", "MK_KVM2_NETWORK", "kvm2.network"],
      ["kvm2-mode", "MK_KVM2_MODE", "kvm2.mode"],
      ["kvm2-tag", "MK_KVM2_TAG", "kvm2.tag"],
      ["kvm2-numa-nodes", "KVM_NUMA", "kvm2.numa-nodes"],
      ["kvm2-hidden", "MK_KVM2_HIDDEN", "kvm2.hidden"],
      ["kvm2-disks", "MK_KVM2_DISKS", "kvm2.disks"],
      ["kvm2-password", "MK_KVM2_PASSWORD", "kvm2.password"],
    ]);
    expect(toKebab("qemuURI")).toBe("qemu-uri");
    expect(toKebab("vsockPorts2")).toBe("vsock-ports2");
  });
});

describe("options given as text", () => {
  it.each([
    ["network", "bridge 0", "bridge 0"],
    ["numaNodes", "4", 4],
    ["hidden", "yes", true],
    ["hidden", "OFF", false],
    ["disks", "a, b,,c", ["a", "b", "c"]],
    ["disks", "", []],
  ])("reads %s from %j", (key, text, value) => {
    expect(parseOption(specs[key]!, text, "here")).toEqual(value);
  });

  it.each([
    ["mode", "medium"],
    ["tag", "two words"],
    ["numaNodes", "0"],
    ["numaNodes", "9"],
    ["numaNodes", "0x4"],
    ["numaNodes", "1e0"],
    ["numaNodes", "4.0"],
    ["numaNodes", ""],
    ["numaNodes", " 4"],
    ["numaNodes", "99999999999999999999"],
    ["hidden", "maybe"],
    ["network", "a\0b"],
  ])("refuses %s from %j", (key, text) => {
    expect(() => parseOption(specs[key]!, text, "--kvm2-x")).toThrowError(
      expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining("--kvm2-x") }),
    );
  });

  it("never repeats the value of a secret", () => {
    expect(() => parseOption(specs.password!, "hunter2", "--kvm2-password")).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
    );
  });
});

describe("options of a new machine", () => {
  it("come from what is given, else the environment, else the user's config, else the default", () => {
    const sources = {
      given: { network: "given" },
      env: { MK_KVM2_NETWORK: "env", KVM_NUMA: "2", MK_KVM2_MODE: "" },
      config: { network: "config", "numa-nodes": 3, mode: "fast" },
    };
    expect(resolveOptions(driver, sources)).toEqual({ network: "given", numaNodes: 2, mode: "fast", hidden: false });
    expect(resolveOptions(driver, {})).toEqual({ network: "default", hidden: false });
  });

  it("are refused by the name of their source", () => {
    expect(() => resolveOptions(driver, { env: { KVM_NUMA: "many" } })).toThrowError(/environment variable KVM_NUMA/);
    expect(() => resolveOptions(driver, { config: { mode: 3 } })).toThrowError(/setting kvm2\.mode/);
    expect(() => resolveOptions(driver, { given: { numaNodes: "2" } })).toThrowError(/--kvm2-numa-nodes/);
  });
});

describe("options given for a change", () => {
  it("are checked and nothing is filled in", () => {
    expect(checkOptions(driver, { hidden: true, mode: undefined })).toEqual({ hidden: true });
  });

  it("are refused with a suggestion when the driver does not have them", () => {
    expect(() => checkOptions(driver, { netwrok: "x" })).toThrowError(
      expect.objectContaining({ code: "INVALID_OPTION", hint: "Use --kvm2-network" }),
    );
    expect(() => checkOptions(driver, { constructor: "x" })).toThrowError(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });
});

describe("help", () => {
  it("names values, ranges and defaults", () => {
    expect(Object.values(specs).map(optionPlaceholder)).toEqual([
      "<text>",
      "<slow|fast>",
      "<text>",
      "<number>",
      "",
      "<a,b,…>",
      "<open sesame>",
    ]);
    expect(optionDescription(specs.numaNodes!)).toBe("NUMA nodes (from 1 to 8)");
    expect(optionDescription(specs.network!)).toBe("libvirt network (default: default)");
  });
});
