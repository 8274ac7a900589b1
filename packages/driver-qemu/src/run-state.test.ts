import { describe, expect, test } from "vitest";
import { statusOf } from "./run-state.js";

describe("statusOf", () => {
  test.each([
    ["running", "running"],
    ["paused", "paused"],
    ["prelaunch", "paused"],
    ["inmigrate", "starting"],
    ["restore-vm", "starting"],
    ["shutdown", "stopping"],
    ["io-error", "paused"],
    ["suspended", "paused"],
    ["postmigrate", "paused"],
    ["finish-migrate", "paused"],
    ["save-vm", "paused"],
    ["debug", "paused"],
    ["watchdog", "paused"],
    ["colo", "paused"],
    ["guest-panicked", "broken"],
    ["internal-error", "broken"],
    ["of-a-later-qemu", "unknown"],
    ["", "unknown"],
  ] as const)("makes %s %s", (runState, state) => {
    expect(statusOf(runState, undefined).state).toBe(state);
  });

  test("gives the block layer's reason for a pause by a disk error", () => {
    expect(statusOf("io-error", "the host's disk is full")).toEqual({
      state: "paused",
      reason: "the host's disk is full",
    });
  });
});
