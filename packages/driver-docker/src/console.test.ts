import { expect, test } from "vitest";
import { sinceOf } from "./console.js";

test("the time of an end is given to the engine with all of its nanoseconds", () => {
  expect(sinceOf("2026-11-22T12:25:08.475157353Z")).toBe(`${Date.UTC(2026, 10, 22, 12, 25, 8) / 1000}.475157353`);
  expect(sinceOf("2026-11-22T12:25:08Z")).toBe(`${Date.UTC(2026, 10, 22, 12, 25, 8) / 1000}.000000000`);
  expect(sinceOf("2026-11-22T12:25:08.5+01:00")).toBe(`${Date.UTC(2026, 10, 22, 11, 25, 8) / 1000}.500000000`);
});

test("a container that never ended is read from its beginning", () => {
  expect(sinceOf("0001-01-01T00:00:00Z")).toBe("0");
  expect(sinceOf("no time")).toBe("0");
});
