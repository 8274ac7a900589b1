import { describe, expect, it } from "vitest";
import { MkError } from "../errors.js";
import { redactor } from "./redact.js";

const specs = {
  token: { type: "string", describe: "a token", secret: true },
  keys: { type: "list", describe: "keys", secret: true },
  label: { type: "string", describe: "a label" },
} as const;

describe("secrets", () => {
  const redact = redactor(specs, { token: "hunter2-hunter2", keys: ["first-key", "ab"], label: "visible" });

  it("are replaced wherever they stand in plain data", () => {
    expect(redact({ a: "x hunter2-hunter2 y", b: ["first-key", { c: "visible" }], n: 1, u: undefined })).toEqual({
      a: "x [secret] y",
      b: ["[secret]", { c: "visible" }],
      n: 1,
      u: undefined,
    });
  });

  it("are replaced whole when one begins with another", () => {
    const nested = redactor(specs, { token: "hunter2", keys: ["hunter2-and-more"] });
    expect(nested("it was hunter2-and-more, not hunter2")).toBe("it was [secret], not [secret]");
  });

  it("are replaced as JSON and URLs write them", () => {
    const odd = redactor(specs, { token: 'pass"word\\with é' });
    const written = [
      JSON.stringify({ token: 'pass"word\\with é' }),
      `https://x/?t=${encodeURIComponent('pass"word\\with é')}`,
    ];
    expect(odd(written)).toEqual(['{"token":"[secret]"}', "https://x/?t=[secret]"]);
  });

  it("are replaced in errors, their hints, details and causes", () => {
    const cause = new Error("tool said hunter2-hunter2");
    const error = redact(
      new MkError("DRIVER_FAILED", "refused hunter2-hunter2", {
        hint: "Do not use first-key.",
        details: { sent: "hunter2-hunter2" },
        cause,
      }),
    );
    expect(MkError.is(error, "DRIVER_FAILED")).toBe(true);
    expect(JSON.stringify([error, error.message, error.hint, error.details, error.cause])).not.toMatch(
      /hunter2|first-key/,
    );
  });

  it("that are too short to be told from text are replaced only where they stand alone", () => {
    expect(redact(["ab", "about"])).toEqual(["[secret]", "about"]);
  });

  it("cost nothing where there are none", () => {
    const value = { a: "x" };
    expect(redactor(specs, { label: "x" })(value)).toBe(value);
  });
});
