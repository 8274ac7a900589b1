// Writes config.json of the machine "one" again and again until standard input ends, once for each line. argv: home.
import { createInterface } from "node:readline";
import { createHome } from "../../src/store/home.js";
import { createMachineStore } from "../../src/store/machine-store.js";
import { sampleConfig } from "./sample-config.js";

const store = createMachineStore(createHome(process.argv[2] ?? ""));
// Once before anybody looks on, so that nothing is loaded later.
await store.makeDirectory("one");
await store.write("one", sampleConfig("old"));
process.stdout.write("ready\n");
for await (const label of createInterface({ input: process.stdin })) {
  try {
    await store.write("one", sampleConfig(label));
    process.stdout.write("written\n");
  } catch (error) {
    process.stdout.write(`${JSON.stringify(error)}\n`);
  }
}
