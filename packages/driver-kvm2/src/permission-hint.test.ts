import { scriptedHost } from "@mk/conformance";
import { describe, expect, it } from "vitest";
import { permissionHint } from "./permission-hint.js";

function hintWith(groups: string): Promise<string> {
  const host = scriptedHost();
  host.files.place("/etc/group", groups);
  return permissionHint(host);
}

describe("permissionHint", () => {
  it("names the group that this distribution has", async () => {
    expect(await hintWith("root:x:0:\nlibvirt:x:120:other\n")).toContain("usermod -aG libvirt $USER");
    expect(await hintWith("libvirtd:x:120:\n")).toContain("usermod -aG libvirtd $USER");
    expect(await hintWith("libvirt-qemu:x:64055:\nlibvirt:x:120:\n")).toContain("usermod -aG libvirt $USER");
  });

  it("tells one who joined the group since to log in again", async () => {
    const { name } = scriptedHost().user;
    expect(await hintWith(`libvirt:x:120:other,${name}\n`)).toMatch(/^Log in again/);
  });

  it("names another way where there is no such group", async () => {
    for (const groups of ["", "garbage\n:::\nwheel:x:10:u\n"]) {
      expect(await hintWith(groups)).toContain("qemu:///session");
    }
  });
});
