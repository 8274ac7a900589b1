import { expect, test } from "vitest";
import { sleptMs } from "./slept.js";

test("how long the computer has slept is told by Linux", () => {
  expect(sleptMs("linux")).toBeGreaterThanOrEqual(0);
});

test.each(["darwin", "win32"] as const)("how long the computer has slept is not known on %s", (platform) => {
  expect(sleptMs(platform)).toBeUndefined();
});
