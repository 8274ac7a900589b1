import { checkOptions, type OptionSpec } from "@mk/core";
import { expect } from "vitest";
import { type Suite, suiteOf } from "../contract-test.js";
import { driverOptions } from "../driver-options.js";
import { throughJson } from "../plain-json.js";
import { sampleSpec } from "../sample-spec.js";

/** The declaration that gives flags, environment variables, help and validation. */
export const options: Suite = ({ driver, setup }) => {
  const declared = Object.entries(driver.options);
  const each = (check: (option: OptionSpec, name: string) => void) => () => {
    for (const [name, option] of declared) check(option, name);
  };
  const config = (values: Readonly<Record<string, unknown>>) =>
    driver.createConfig(sampleSpec(setup.spec), { ...driverOptions(driver, setup.options), ...values });
  return suiteOf("options", {
    "names options in camelCase": each((_, name) => {
      expect(name).toMatch(/^[a-z][a-zA-Z0-9]*$/);
    }),
    "describes each option in one lower-case line without a full stop": each(({ describe }, name) => {
      expect(describe, name).toMatch(/^[^A-Z\s](?:.{2,})[^.\s]$|^[A-Z]{2,}.*[^.\s]$/);
    }),
    "has defaults of the declared type that the declaration takes": each((option, name) => {
      if (option.default !== undefined) expect(takes(option, option.default), name).toBe(true);
    }),
    "has bounds between which there is a value": each((option, name) => {
      if (option.type !== "integer") return;
      for (const bound of [option.min, option.max])
        if (bound !== undefined) expect(Number.isInteger(bound), name).toBe(true);
      expect((option.min ?? -Infinity) <= (option.max ?? Infinity), name).toBe(true);
    }),
    "has choices that differ, and a choice to make": each((option, name) => {
      if (option.type !== "string" || option.choices === undefined) return;
      expect(option.choices.length, name).toBeGreaterThan(0);
      expect(new Set(option.choices).size, name).toBe(option.choices.length);
    }),
    "has patterns that keep no state": each((option, name) => {
      if (option.type !== "string" || option.pattern === undefined) return;
      expect(option.pattern.flags, name).not.toMatch(/[gy]/);
    }),
    "names each environment variable once, in upper case": () => {
      const named = declared.flatMap(([, { env }]) => (env === undefined ? [] : [env]));
      for (const env of named) expect(env).toMatch(/^[A-Z][A-Z0-9_]*$/);
      expect(new Set(named).size).toBe(named.length);
    },
    "has no default for a secret": each((option, name) => {
      if (option.secret === true) expect(option.default, name).toBeUndefined();
    }),
    "has every value refused by core that its declaration does not take": each((option, name) => {
      for (const value of wrong(option)) {
        expect(() => checkOptions(driver, { [name]: value }), `${name}=${String(value)}`).toThrow(
          expect.objectContaining({ code: "INVALID_OPTION" }),
        );
      }
    }),
    "has options refused by core that it does not declare": () => {
      for (const name of ["noSuchOption", "__proto__x", "constructor", "toString"]) {
        expect(() => checkOptions(driver, { [name]: "x" }), name).toThrow(
          expect.objectContaining({ code: "INVALID_OPTION" }),
        );
      }
    },
    "makes a config of its defaults alone": () => {
      expect(config({})).toBeTypeOf("object");
    },
    "makes a config of every value its declaration bounds, and parses it": each((option, name) => {
      for (const value of edges(option)) {
        const made = throughJson(config({ [name]: value }));
        expect(throughJson(driver.parseConfig(made)), `${name}=${value}`).toEqual(made);
      }
    }),
  });
};

/** The values at the edges of what an option takes. */
function edges(option: OptionSpec): readonly unknown[] {
  switch (option.type) {
    case "string":
      return option.choices ?? [];
    case "integer":
      return [option.min, option.max].filter((bound) => bound !== undefined);
    case "boolean":
      return [true, false];
    case "list":
      return [[]];
    default:
      return option satisfies never;
  }
}

/** Values that an option of this kind cannot take. */
function wrong(option: OptionSpec): readonly unknown[] {
  switch (option.type) {
    case "string":
      return [1, true, null, ["x"], "a\0b", ...(option.choices === undefined ? [] : ["no such choice", ""])];
    case "integer": {
      const outside = [(option.min ?? Number.NaN) - 1, (option.max ?? Number.NaN) + 1];
      return ["1", 1.5, Number.NaN, Number.POSITIVE_INFINITY, null, true, ...outside];
    }
    case "boolean":
      return ["true", 0, 1, null, []];
    case "list":
      return ["x", [1], [null], {}, null, ["a\0b"]];
    default:
      return option satisfies never;
  }
}

function takes(option: OptionSpec, value: unknown): boolean {
  switch (option.type) {
    case "string":
      return (
        typeof value === "string" &&
        (option.choices?.includes(value) ?? true) &&
        (option.pattern === undefined || option.pattern.test(value))
      );
    case "integer":
      return (
        Number.isInteger(value) &&
        Number(value) >= (option.min ?? -Infinity) &&
        Number(value) <= (option.max ?? Infinity)
      );
    case "boolean":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value) && value.every((entry) => typeof entry === "string");
    default:
      return option satisfies never;
  }
}
