import { readFileSync } from "node:fs";
import { conformance, scriptedHost } from "@mk/conformance";
import qemu from "../src/index.js";
import { scriptedQemu } from "./scripted-qemu.js";

const packageJson = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

conformance(qemu, {
  host: async () => scriptedHost({ programs: { "qemu-system-x86_64": scriptedQemu() } }),
  packageJson,
  known: [
    {
      because:
        "that no guest instruction ran in ten seconds is what the proof of an accelerator finds, and no deadline of the start",
      tests: ["sets no timer: deadlines are core's, and waiting is the host's"],
    },
  ],
  unavailable: {
    missing: async () => scriptedHost(),
    unhealthy: async () => scriptedHost({ programs: { "qemu-system-x86_64": scriptedQemu({ version: "5.2.0" }) } }),
  },
});
