import { expect, test } from "vitest";
import { connect } from "./connect.js";

test.runIf(process.platform === "linux")(
  "what cannot be reached may be kept from it by a VPN or a firewall",
  async () => {
    // TCP reaches no broadcast address: Linux has no network for it.
    const target = { host: "255.255.255.255", port: 9 };
    await expect(connect(target, AbortSignal.timeout(20_000), "linux")).rejects.toMatchObject({
      code: "NETWORK_FAILED",
      message: "cannot connect to 255.255.255.255:9: there is no network",
      hint: expect.stringMatching(/VPN.*firewall/),
    });
  },
);
