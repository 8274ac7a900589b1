import { expect, it } from "vitest";
import { touchTime } from "./touch-time.js";

it.each([
  ["2025-12-31T23:59:59.999Z", "202512312359.59"],
  ["1969-07-20T20:17:40Z", "196907202017.40"],
  ["+020000-01-01T00:00:00Z", "999912310000.00"],
  ["-000001-01-01T00:00:00Z", "190001010000.00"],
])("%s is given to touch(1) as %s", (time, expected) => {
  expect(touchTime(new Date(time))).toBe(expected);
});
