import { conformance } from "@mk/conformance";
import hyperkit from "@mk/driver-hyperkit";
import packageJson from "../package.json" with { type: "json" };
import { LEASES_FILE } from "../src/address.js";
import { scriptedMac } from "./scripted-mac.js";

conformance(hyperkit, {
  host: async () => scriptedMac(),
  packageJson,
  changedByHost: [LEASES_FILE],
  unavailable: {
    "on Linux": async () => scriptedMac({ platform: "linux" }),
    "on an Apple silicon Mac": async () => scriptedMac({ arch: "arm64" }),
    "HyperKit is too old": async () => scriptedMac({ misbehaves: "old" }),
    "HyperKit tells no version": async () => scriptedMac({ misbehaves: "garbled-version" }),
    "macOS refuses VMs": async () => scriptedMac({ misbehaves: "no-vm" }),
    "macOS refuses a network to root": async () => scriptedMac({ misbehaves: "no-vmnet" }),
    "HyperKit prints no MAC address": async () => scriptedMac({ misbehaves: "garbled-mac" }),
  },
});
