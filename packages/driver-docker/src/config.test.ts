import { expect, test } from "vitest";
import { createConfig, parseConfig } from "./config.js";

const options = { listenAddress: undefined, subnet: undefined, privileges: "auto" } as const;

test("the config has the options that were given, the subnet in its canonical form", () => {
  expect(createConfig(options)).toEqual({ version: 1, privileges: "auto" });
  expect(createConfig({ listenAddress: "::1", subnet: "10.9.8.7/24", privileges: "capabilities" })).toEqual({
    version: 1,
    listenAddress: "::1",
    subnet: "10.9.8.0/24",
    privileges: "capabilities",
  });
});

test.each([
  ["listenAddress", { listenAddress: "localhost" }],
  ["listenAddress", { listenAddress: "127.0.0.1; rm -rf /" }],
  ["subnet", { subnet: "192.168.1.0" }],
  ["subnet", { subnet: "192.168.1.0/30" }],
  ["subnet", { subnet: "0.0.0.0/0" }],
])("an option that is not of its form is INVALID_OPTION naming it: %s", (option, values) => {
  expect(() => createConfig({ ...options, ...values })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", details: expect.objectContaining({ option }) }),
  );
});

test("a stored config that was changed by hand is CONFIG_CORRUPT, a newer one STATE_TOO_NEW", () => {
  expect(() => parseConfig({ version: 1, privileges: "auto", subnet: 7 })).toThrow(
    expect.objectContaining({ code: "CONFIG_CORRUPT" }),
  );
  expect(() => parseConfig({ version: 2 })).toThrow(expect.objectContaining({ code: "STATE_TOO_NEW" }));
});
