import { expect } from "vitest";
import { type Suite, suiteOf } from "../contract-test.js";

const PACKAGE_NAME = /^(@mk\/driver-|mk-driver-|@[^/]+\/mk-driver-)[a-z][a-z0-9-]*$/;
const PLATFORM = /^!?(aix|android|darwin|freebsd|linux|openbsd|sunos|win32)$/;
const CPU = /^!?(arm|arm64|ia32|loong64|mips|mipsel|ppc64|riscv64|s390|s390x|x64)$/;

/** package.json, which discovery reads before any of the driver's code is loaded, agrees with the driver. */
export const manifest: Suite = ({ driver, setup }) => {
  const json = setup.packageJson;
  if (json === undefined) return [];
  return suiteOf("manifest", {
    "is called as discovery looks for drivers": () => {
      expect(json.name).toMatch(PACKAGE_NAME);
    },
    "names the driver, its aliases and the contract in its manifest": () => {
      const { aliases = [], ...names } = json.mk as { readonly aliases?: readonly string[] };
      expect(names).toEqual({ driver: driver.name, api: driver.contract });
      expect([...aliases].sort()).toEqual([...driver.aliases].sort());
    },
    "lists the operating systems it supports": () => {
      expect(json.os).toEqual(expect.arrayContaining([expect.stringMatching(PLATFORM)]));
      for (const platform of json.os as readonly string[]) expect(platform).toMatch(PLATFORM);
      for (const cpu of (json.cpu ?? []) as readonly string[]) expect(cpu).toMatch(CPU);
    },
    "has core as a peer, so that there is one copy of it": () => {
      expect(json.peerDependencies).toHaveProperty(["@mk/core"]);
      expect(json.dependencies ?? {}).not.toHaveProperty(["@mk/core"]);
    },
    "is an ES module that exports one entry and its manifest": () => {
      expect(json.type).toBe("module");
      expect(json.exports).toMatchObject({ ".": expect.anything(), "./package.json": "./package.json" });
    },
    "runs no script when it is installed": () => {
      const scripts = Object.keys((json.scripts ?? {}) as object);
      expect(scripts.filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
    },
    "can be found by its keyword": () => {
      expect(json.keywords).toContain("mk-driver");
    },
  });
};
