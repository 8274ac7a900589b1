import { describe, expect, it } from "vitest";
import { LineSplitter } from "./line-splitter.js";

function linesOf(...chunks: readonly (string | Buffer)[]): readonly string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.end();
  return lines;
}

describe("a plugin's output in lines", () => {
  it("is the same however it comes", () => {
    const text = "one\r\ntwo ü\n\nthree";
    const expected = ["one", "two ü", "", "three"];
    expect(linesOf(text)).toEqual(expected);
    expect(linesOf(...[...Buffer.from(text)].map((byte) => Buffer.of(byte)))).toEqual(expected);
  });

  it("has no control characters that would drive a terminal", () => {
    expect(linesOf("\u001b[31mred\u001b[0m \u001b]0;title\u0007a\u0000b\u0008c\ttab\n")).toEqual(["red abc\ttab"]);
    expect(linesOf("\u009b31mred\u009b0m \u009d0;title\u009cfree\u0085\n")).toEqual(["red free"]);
  });

  it("is cut where a line is too long, and goes on behind it", () => {
    const [long, next] = linesOf("x".repeat(100_000), "y".repeat(100_000), "\nnext\n");
    expect(long).toHaveLength(8194);
    expect(long?.endsWith("x …")).toBe(true);
    expect(next).toBe("next");
  });
});
