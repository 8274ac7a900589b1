import { readFileSync } from "node:fs";
import { conformance, scriptedHost } from "@mk/conformance";
import qemu from "../src/index.js";
import { scriptedQemu } from "./scripted-qemu.js";

const packageJson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

conformance(qemu, {
  host: async () => scriptedHost({ programs: { "qemu-system-x86_64": scriptedQemu() } }),
  packageJson,
  unavailable: {
    missing: async () => scriptedHost(),
    unhealthy: async () => scriptedHost({ programs: { "qemu-system-x86_64": scriptedQemu({ version: "5.2.0" }) } }),
  },
});
