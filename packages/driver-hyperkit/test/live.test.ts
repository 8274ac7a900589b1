import { conformance } from "@mk/conformance";
import hyperkit from "@mk/driver-hyperkit";
import packageJson from "../package.json" with { type: "json" };
import { dressedUpMac } from "./real-process.js";
import { standInImage } from "./stand-in-image.js";

// There is no test here that runs HyperKit itself: it needs an Intel Mac and root, which this project does not have.
process.stderr.write("hyperkit: HyperKit itself is not run; a program that obeys its command line stands in for it\n");

// The suite of the scripted Mac once more, with real processes, signals and files.
conformance(hyperkit, { host: () => dressedUpMac(), mode: "live", image: standInImage, packageJson });
