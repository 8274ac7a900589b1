import { conformance, memoryDriver, scriptedHost } from "@mk/conformance";
import { afterAll, beforeAll, describe, vi } from "vitest";
import { processDriver } from "./process-driver/driver.js";
import { processHost } from "./process-driver/host.js";

conformance(memoryDriver(), { host: async () => scriptedHost() });
conformance(processDriver(), { host: processHost });

describe("on the computer of an author who has a driver of choice", () => {
  beforeAll(() => void vi.stubEnv("MK_DRIVER", "another"));
  afterAll(() => void vi.unstubAllEnvs());
  conformance(memoryDriver(), { host: async () => scriptedHost() });
});
