import { scriptedHost } from "@mk/conformance";
import type { MachineContext } from "@mk/core";
import { describe, expect, test } from "vitest";
import { leaseFixtures, MAC, NOW_MS } from "../test/lease-fixtures.js";
import { announcedAddress, LEASES_FILE, waitForAddress } from "./address.js";

const DIRECTORY = "/Users/user/.mk/machines/m1";

/** A started machine on a Mac whose lease file and console are as given. */
function machine(leases: string | undefined, console = "", record: unknown = { version: 1, macAddress: MAC }) {
  const files = {
    [`${DIRECTORY}/console-ring`]: Buffer.alloc(65_536).fill(console, 0, console.length),
    ...(leases !== undefined && { [LEASES_FILE]: leases }),
  };
  const host = scriptedHost({ platform: "darwin", now: NOW_MS, files });
  const context: MachineContext = {
    name: "m1",
    id: "6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21",
    directory: DIRECTORY,
    host,
    spec: {} as MachineContext["spec"],
    image: () => Promise.reject(new TypeError("not asked for")),
    seed: () => Promise.reject(new TypeError("not asked for")),
    record: { read: async () => record, write: async () => {} },
  };
  return { context, host };
}

/** The address, or undefined when there is none a minute later. */
async function addressOf({ context, host }: ReturnType<typeof machine>): Promise<string | undefined> {
  const deadline = new AbortController();
  void host.delay(60_000, deadline.signal).then(() => deadline.abort(new Error("a minute passed")));
  return waitForAddress(context, deadline.signal).catch((error: unknown) => {
    if (error === deadline.signal.reason) return undefined;
    throw error;
  });
}

describe("the lease file", () => {
  for (const { name, text, ip } of leaseFixtures) {
    test(`gives ${ip === undefined ? "no address" : "our address"} when it has ${name}`, async () => {
      expect(await addressOf(machine(text))).toBe(ip);
    });
  }

  test("is tried in at least forty ways", () => {
    expect(leaseFixtures.length).toBeGreaterThanOrEqual(40);
    expect(new Set(leaseFixtures.map(({ name }) => name)).size).toBe(leaseFixtures.length);
  });
});

describe("waitForAddress", () => {
  test("takes what the guest said when bootpd has no lease file", async () => {
    const said = "mk-guest: network uptime=0.4 ip=192.168.64.6\n";
    expect(await addressOf(machine(undefined, said))).toBe("192.168.64.6");
  });

  test("waits until there is a lease", async () => {
    const started = machine("");
    const { host } = started;
    const lease = leaseFixtures[1]!.text;
    void host.delay(5_000, new AbortController().signal).then(() => host.files.write(LEASES_FILE, lease));
    expect(await addressOf(started)).toBe("192.168.64.5");
  });

  test("says that the machine was never started when it has no MAC address", async () => {
    const never = machine("", "", { version: 1 });
    await expect(addressOf(never)).rejects.toMatchObject({ code: "MACHINE_NOT_RUNNING" });
  });
});

test("announcedAddress is the last the guest said, and nothing that only looks like it", () => {
  const network = (ip: string) => `mk-guest: network uptime=0.4 ip=${ip}\n`;
  expect(announcedAddress(network("10.0.0.1") + network("10.0.0.2"))).toBe("10.0.0.2");
  expect(announcedAddress(`say ${network("10.0.0.1")}`)).toBeUndefined();
  expect(announcedAddress("")).toBeUndefined();
});
