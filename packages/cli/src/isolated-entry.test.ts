import { expect, it } from "vitest";
import { isolationWishes } from "./isolated-entry.js";

it("MK_ISOLATE names who runs in a process of its own, and wins over the setting", () => {
  expect(isolationWishes(undefined)).toEqual(new Map());
  expect(isolationWishes("", ["qemu"])).toEqual(new Map([["qemu", "user"]]));
  expect(isolationWishes(" docker:root, all ", ["qemu"])).toEqual(
    new Map([
      ["docker", "root"],
      ["all", "user"],
    ]),
  );
  for (const wrong of ["docker:admin", "Docker", "..", ":root"]) {
    expect(() => isolationWishes(wrong), wrong).toThrowError(expect.objectContaining({ code: "CONFIG_INVALID" }));
  }
});
