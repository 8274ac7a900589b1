import { conformance, memoryDriver, scriptedHost } from "@mk/conformance";
import { defineDriver, MkError } from "@mk/core";
import { afterAll, beforeAll, describe, vi } from "vitest";
import { memoryDefinition } from "../src/memory-driver/driver.js";
import { processDriver } from "./process-driver/driver.js";
import { processHost } from "./process-driver/host.js";

conformance(memoryDriver(), { host: async () => scriptedHost() });
conformance(processDriver(), { host: processHost });

describe("a driver of machines that have no shell", () => {
  const sound = memoryDefinition();
  const driver = defineDriver({
    ...sound,
    createDriver: async (...given) => ({
      ...(await sound.createDriver(...given)),
      access: async () => {
        throw new MkError("NOT_SUPPORTED", "there is no shell", { hint: "Use the console." });
      },
    }),
  });
  conformance(driver, { host: async () => scriptedHost() });
});

describe("on the computer of an author who has a driver of choice", () => {
  beforeAll(() => void vi.stubEnv("MK_DRIVER", "another"));
  afterAll(() => void vi.unstubAllEnvs());
  conformance(memoryDriver(), { host: async () => scriptedHost() });
});
