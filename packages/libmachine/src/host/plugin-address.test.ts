import type { MkError } from "@mk/core";
import { describe, expect, it } from "vitest";
import { parsePluginAddress } from "./plugin-address.js";

describe("a plugin's address", () => {
  it.each([
    ["127.0.0.1:40123", { host: "127.0.0.1", port: 40_123 }],
    ["127.3.2.1:1", { host: "127.3.2.1", port: 1 }],
    ["localhost:65535", { host: "127.0.0.1", port: 65_535 }],
    ["[::1]:80", { host: "::1", port: 80 }],
  ])("may be %s", (line, address) => {
    expect(parsePluginAddress(line)).toEqual(address);
  });

  it.each([
    "",
    "hello world",
    ":80",
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:80 ",
    "127.0.0.1.example.com:80",
    "10.0.0.1:80",
    "0.0.0.0:80",
    "[::]:80",
    "[fe80::1]:80",
    "169.254.169.254:80",
    "localhost.example.com:80",
    "http://127.0.0.1:80",
  ])("may not be %j", (line) => {
    expect(() => parsePluginAddress(line)).toThrow(expect.objectContaining({ code: "PROTOCOL_ERROR" }) as MkError);
  });
});
