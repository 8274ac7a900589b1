import { conformance, memoryDriver, scriptedHost } from "@mk/conformance";
import { processDriver } from "./process-driver/driver.js";
import { processHost } from "./process-driver/host.js";

conformance(memoryDriver(), { host: async () => scriptedHost() });
conformance(processDriver(), { host: processHost });
