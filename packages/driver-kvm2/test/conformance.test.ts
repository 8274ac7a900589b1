import { conformance, scriptedHost } from "@mk/conformance";
import { describe } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import driver from "../src/index.js";
import { ScriptedLibvirt } from "./scripted-libvirt.js";

conformance(driver, {
  packageJson,
  host: () => new ScriptedLibvirt().host(),
  unavailable: {
    "libvirt-not-found": async () => scriptedHost(),
    "libvirt-not-running": async () => scriptedHost({ programs: { "/usr/sbin/libvirtd": () => 0 } }),
  },
});

describe("in a libvirt session", () => {
  conformance(driver, {
    host: () => new ScriptedLibvirt("qemu:///session").host(),
    options: { uri: "qemu:///session" },
  });
});
