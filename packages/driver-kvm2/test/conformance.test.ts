import { conformance, scriptedHost } from "@mk/conformance";
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
