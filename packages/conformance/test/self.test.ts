import { conformance, memoryDriver, scriptedHost } from "@mk/conformance";

conformance(memoryDriver(), { host: async () => scriptedHost() });
