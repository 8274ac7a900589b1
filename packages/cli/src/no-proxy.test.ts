import { describe, expect, it } from "vitest";
import { noProxyVariables } from "./no-proxy.js";

const PROXY = { HTTPS_PROXY: "http://p.example:3128" };

describe("what keeps a machine's traffic from the proxy", () => {
  it.each(["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"])("is there where %s is set", (name) => {
    expect(noProxyVariables("192.0.2.7", { [name]: "http://p.example:3128" })).toEqual({ NO_PROXY: "192.0.2.7" });
    expect(noProxyVariables("192.0.2.7", { [name]: "" })).toEqual({});
  });

  it("keeps what is excepted already, in the variables that are there", () => {
    expect(noProxyVariables("192.0.2.7", { ...PROXY, no_proxy: ".example, a" })).toEqual({
      no_proxy: ".example, a,192.0.2.7",
    });
    expect(noProxyVariables("fd00::7", { ...PROXY, NO_PROXY: "a", no_proxy: "b" })).toEqual({
      NO_PROXY: "a,fd00::7",
      no_proxy: "b,fd00::7",
    });
    expect(noProxyVariables("box.lan", { ...PROXY, NO_PROXY: "", no_proxy: "b,box.lan" })).toEqual({});
  });

  it.each([
    ["192.0.2.7", "*"],
    ["192.0.2.7", "a, 192.0.2.7"],
    ["192.0.2.7", "192.0.2.0/24"],
    ["fd00::7", "fd00::/8"],
    ["box.lan", "box.lan"],
  ])("is nothing for %s where %j is excepted", (address, exceptions) => {
    expect(noProxyVariables(address, { ...PROXY, NO_PROXY: exceptions })).toEqual({});
  });

  it.each([
    ["192.0.2.7", "192.0.2.70"],
    ["192.0.2.7", "192.0.3.0/24"],
    ["192.0.2.7", "fd00::/8"],
    ["192.0.2.7", "192.0.2.0/99,x/8,/8"],
    ["box.lan", "192.0.2.0/24"],
  ])("is added for %s where only %j is excepted", (address, exceptions) => {
    expect(noProxyVariables(address, { ...PROXY, NO_PROXY: exceptions })).toEqual({
      NO_PROXY: `${exceptions},${address}`,
    });
  });

  it.each(["127.0.0.1", "127.1.2.3", "::1", "localhost"])("is nothing for %s", (address) => {
    expect(noProxyVariables(address, PROXY)).toEqual({});
  });
});
