import { conformance, scriptedHost } from "@mk/conformance";
import { defineDriver } from "@mk/core";
import { memoryDefinition } from "../src/memory-driver/driver.js";

// A driver with a fault that is known: the kit runs its tests as expected failures, and would turn red if they passed.
const sound = memoryDefinition();
let made = 0;
const driver = defineDriver({
  ...sound,
  name: "fickle",
  createConfig: (...given) => ({ ...sound.createConfig(...given), bootMs: made++ % 100 }),
});

conformance(driver, {
  host: async () => scriptedHost(),
  known: [{ because: "an example", tests: ["makes the same config of the same spec and options"] }],
});
