import { type Endpoint, GUEST_PORTS, type MachineAccess } from "@mk/core";
import { expect } from "vitest";
import { accessOf } from "../access.js";
import { type Suite, suiteOf } from "../contract-test.js";
import { expectPlainJson } from "../plain-json.js";

/** What goes to the store, to `--output json` and over RPC is plain data of the declared form. */
export const facts: Suite = ({ driver, open }) =>
  suiteOf("facts", {
    "answers every state as plain data": async () => {
      await using bench = await open();
      for (const state of ["absent", "running"] as const) {
        await bench.reach(state);
        expectPlainJson(await bench.inspect());
      }
    },
    "says how to reach a shell in a running machine, or with a fix that it has none": async () => {
      await using bench = await open();
      const machine = await bench.reach("running");
      const access = await bench.call((op) => accessOf(machine, op));
      if (access !== undefined) expectAccess(access);
    },
    "says where the host reaches a port of a running machine": async () => {
      await using bench = await open();
      const machine = await bench.reach("running");
      // A machine without mk's guest has no engine that one could count on.
      const ports = driver.traits.image === "none" ? [22] : GUEST_PORTS;
      for (const port of ports) expectEndpoint(await bench.call((op) => machine.endpoint(port, op)));
    },
    "records plain JSON": async () => {
      await using bench = await open();
      await bench.reach("running");
      for (const value of bench.recorded) expectPlainJson(value);
    },
    "keeps to its record what it recorded: no step needs it to be more than JSON": async () => {
      await using bench = await open();
      await bench.reach("running");
      expect(await bench.state()).toBe("running");
      bench.record = bench.record === undefined ? undefined : JSON.stringify(JSON.parse(bench.record), null, 2);
      expect(await bench.state()).toBe("running");
    },
  });

function expectAccess(access: MachineAccess): void {
  expectPlainJson(access);
  switch (access.via) {
    case "exec":
      expect(access.argv.length).toBeGreaterThan(0);
      for (const argument of access.argv) expect(argument).toBeTypeOf("string");
      return;
    case "ssh":
      expectEndpoint({ host: access.host, port: access.port });
      expect(access.user).toMatch(/^[a-z_][a-z0-9_-]*$/);
      expect(["pinned", "first-use"]).toContain(access.hostKey);
      if (access.identityFile !== undefined) expect(access.identityFile).toMatch(/^(\/|[A-Za-z]:\\)/);
      return;
    default:
      throw new TypeError(`access says ${JSON.stringify(access satisfies never)}`);
  }
}

function expectEndpoint({ host, port }: Endpoint): void {
  expect(host).toMatch(/^[\w.:-]+$/);
  expect(["0.0.0.0", "::"], "an address that one can connect to").not.toContain(host);
  expect(Number.isInteger(port) && port > 0 && port < 65_536, `port ${port}`).toBe(true);
}
