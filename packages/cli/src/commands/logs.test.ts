import { describe, expect, it } from "vitest";
import { Tail } from "./logs.js";

describe("the last lines of a console", () => {
  it.each([
    ["\nB\n", 1, "B\n"],
    ["\nB\n", 2, "\nB\n"],
    ["\nB\n", 3, "\nB\n"],
    ["\nB\n", 100, "\nB\n"],
    ["\n", 1, "\n"],
    ["A\nB", 1, "B"],
    ["", 1, ""],
  ])("of %j are, %d of them, %j", (text, lines, expected) => {
    const tail = new Tail(lines);
    tail.push(Buffer.from(text));
    expect(Buffer.from(tail.bytes()).toString()).toBe(expected);
  });
});
