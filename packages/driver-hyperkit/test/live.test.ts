import { conformance } from "@mk/conformance";
import type { Host } from "@mk/core";
import hyperkit from "@mk/driver-hyperkit";
import { describe } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { dressedUpMac } from "./real-process.js";
import { standInImage } from "./stand-in-image.js";

// There is no test here that runs HyperKit itself: it needs an Intel Mac and root, which this project does not have.
process.stderr.write("hyperkit: HyperKit itself is not run; a program that obeys its command line stands in for it\n");

/** The stand-ins of this host that live: each host has a directory of its own. */
async function standIns(host: Host): Promise<readonly string[]> {
  const { stdout } = await host.run("ps", ["-ww", "-A", "-o", "pid=,args="]);
  return stdout.split("\n").filter((line) => line.includes(`${host.homeDirectory}/bin/hyperkit `));
}

// The suite of the scripted Mac once more, with real processes, signals and files. Each test has its own, and mostly waits.
describe.concurrent("on real processes", () => {
  conformance(hyperkit, {
    host: () => dressedUpMac(),
    mode: "live",
    image: standInImage,
    packageJson,
    inventory: standIns,
  });
});
