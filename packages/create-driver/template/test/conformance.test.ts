import { conformance, scriptedHost } from "@mk/conformance";
import packageJson from "../package.json" with { type: "json" };
import driver from "../dist/index.js";

conformance(driver, {
  packageJson,
  host: async () => scriptedHost({ programs: { sleep: (process) => process.forever() } }),
});
