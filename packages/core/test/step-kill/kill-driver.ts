import type { Driver } from "@mk/core";
import { processDriver } from "../process-driver/process-driver.js";

/** What core asks a guest is answered; what it would mend there must not be done to this computer: that does nothing, and well. */
const SHELL = 'case "$1" in test) "$@" ;; esac';

/** The process driver as one of virtual machines: the guest has a clock, and an address that its certificate does not name yet. */
export function killDriver(script: string): Driver {
  const driver = processDriver({
    script,
    change: (machine) => ({
      ...machine,
      access: async () => ({ via: "exec", argv: ["/bin/sh", "-c", SHELL, "sh"] }),
      endpoint: async (guestPort) => ({ host: "127.0.0.2", port: guestPort }),
    }),
  });
  return { ...driver, traits: { ...driver.traits, isolation: "vm" } };
}
