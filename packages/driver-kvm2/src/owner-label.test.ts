import { describe, expect, it } from "vitest";
import { qemuGroup } from "./owner-label.js";

const user = { uid: 1000, gid: 1000 };

describe("the group that QEMU runs in", () => {
  it("is the one that alone may enter libvirt's directory, as on Debian", () => {
    expect(qemuGroup(user, { mode: 0o750, gid: 64055 })).toBe(64055);
  });

  it.each([
    ["everyone may enter it, as on Fedora", { mode: 0o751, gid: 107 }],
    ["no group may enter it", { mode: 0o700, gid: 64055 }],
    ["it is not there", undefined],
  ])("is the user's own where %s", (_, directory) => {
    expect(qemuGroup(user, directory)).toBe(1000);
  });
});
