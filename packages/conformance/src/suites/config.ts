import { MkError } from "@mk/core";
import { expect } from "vitest";
import { type Suite, suiteOf } from "../contract-test.js";
import { driverOptions } from "../driver-options.js";
import { expectPlainJson, freezeDeep, throughJson } from "../plain-json.js";
import { sampleSpec } from "../sample-spec.js";

/** mk's hardware spec and the options become the driver's own config: plain, versioned JSON that core persists. */
export const config: Suite = ({ driver, setup }) => {
  const spec = freezeDeep(sampleSpec(setup.spec));
  const options = freezeDeep(driverOptions(driver, setup.options));
  const create = () => driver.createConfig(spec, options);
  const refused = (raw: unknown, what: string, codes = ["CONFIG_CORRUPT", "STATE_TOO_NEW"]) => {
    const thrown = thrownBy(() => driver.parseConfig(raw));
    expect(MkError.is(thrown), `parseConfig(${what}) threw ${String(thrown)}`).toBe(true);
    expect(codes).toContain((thrown as MkError).code);
  };
  return suiteOf("config", {
    "makes the same config of the same spec and options": () => {
      expect(create()).toEqual(create());
    },
    "does not change what it was given": () => {
      // Frozen: a write throws.
      expect(create()).toBeTypeOf("object");
      expect(spec).toEqual(sampleSpec(setup.spec));
    },
    "makes plain JSON": () => {
      expectPlainJson(create());
    },
    "writes the version of its config's form into it": () => {
      expect(create()).toHaveProperty("version", expect.any(Number));
    },
    "parses what it made, after JSON, to the same config": () => {
      const made = throughJson(create());
      const parsed = driver.parseConfig(freezeDeep(throughJson(made)));
      expect(throughJson(parsed)).toEqual(made);
      expect(throughJson(driver.parseConfig(throughJson(parsed)))).toEqual(made);
    },
    "refuses what is no config with CONFIG_CORRUPT": () => {
      for (const raw of [undefined, null, true, 42, "config", [], {}]) refused(raw, JSON.stringify(raw) ?? "undefined");
    },
    "refuses the config of a newer driver with STATE_TOO_NEW": () => {
      const made = throughJson(create()) as { readonly version: number };
      for (const version of [made.version + 1, 1_000_000]) {
        refused({ ...made, version }, `version ${version}`, ["STATE_TOO_NEW"]);
      }
    },
    "refuses or migrates a config that lacks a part or has another type in it, and never fails otherwise": () => {
      const made = throughJson(create()) as Readonly<Record<string, unknown>>;
      for (const key of Object.keys(made)) {
        for (const value of [undefined, null, -1, "\u0000", { odd: true }]) {
          const raw = throughJson({ ...made, [key]: value });
          const thrown = thrownBy(() => expectPlainJson(driver.parseConfig(raw)));
          if (thrown !== undefined) refused(raw, `${key}: ${JSON.stringify(value)}`);
        }
      }
    },
    "lets no config reach into prototypes": () => {
      thrownBy(() => driver.parseConfig(JSON.parse('{"version":1,"__proto__":{"polluted":true}}')));
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    },
  });
};

function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
