import { expect, it } from "vitest";
import { isProcessIdentity } from "./process-identity.js";

const identity = { pid: 2, bootId: "b", startTime: "1", executable: "/bin/true" };

it("knows a process identity from what is none", () => {
  expect(isProcessIdentity(identity)).toBe(true);
  for (const pid of [1, 0, -1, 1.5, "2", undefined]) expect(isProcessIdentity({ ...identity, pid })).toBe(false);
  for (const key of ["bootId", "startTime", "executable"])
    expect(isProcessIdentity({ ...identity, [key]: 1 })).toBe(false);
  for (const value of [null, undefined, 2, "2", []]) expect(isProcessIdentity(value)).toBe(false);
});
