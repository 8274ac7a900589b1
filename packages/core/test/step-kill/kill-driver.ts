import type { Driver } from "@mk/core";
import { processDriver } from "../process-driver/process-driver.js";

/**
 * The process driver as one of virtual machines: the guest has a clock, and an address that its certificate does not name yet. What core
 * runs in there to mend that must not be done to this computer: its shell does nothing, and well.
 */
export function killDriver(script: string): Driver {
  const driver = processDriver({
    script,
    change: (machine) => ({
      ...machine,
      access: async () => ({ via: "exec", argv: ["/usr/bin/env", "true"] }),
      endpoint: async (guestPort) => ({ host: "127.0.0.2", port: guestPort }),
    }),
  });
  return { ...driver, traits: { ...driver.traits, isolation: "vm" } };
}
