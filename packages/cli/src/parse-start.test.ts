import { describe, expect, it } from "vitest";
import { parseArch, parseMount, parsePort, parseStartFlags } from "./parse-start.js";

const invalid = expect.objectContaining({ code: "INVALID_ARGUMENT", hint: expect.any(String) });

describe("flags of mk start", () => {
  it("become the settings of a request, and what was not given is left out", () => {
    expect(parseStartFlags({}, "/here")).toEqual({});
    expect(
      parseStartFlags(
        {
          cpus: "4",
          memory: "2g",
          diskSize: "20GiB",
          arch: "aarch64",
          mount: ["src:/src:ro"],
          port: ["8080:80"],
          allow: "restart",
          timeout: "90",
        },
        "/here",
      ),
    ).toEqual({
      cpus: 4,
      memoryMiB: 2048,
      diskMiB: 20_480,
      arch: "arm64",
      mounts: [{ source: "/here/src", target: "/src", readOnly: true }],
      ports: [{ hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 }],
      allow: "restart",
      timeoutMs: 90_000,
    });
  });

  it.each([
    [{ cpus: "0" }],
    [{ cpus: "two" }],
    [{ memory: "-1" }],
    [{ memory: "1e9" }],
    [{ diskSize: "0x10" }],
    [{ allow: "everything" }],
    [{ timeout: "0" }],
    [{ arch: "constructor" }],
  ])("are refused as %j", (flags) => {
    expect(() => parseStartFlags(flags, "/")).toThrowError(invalid);
  });

  it("take names of architectures as kernels and Node have them", () => {
    expect(["amd64", "x86_64", "x64", "arm64", "aarch64"].map(parseArch)).toEqual([
      "amd64",
      "amd64",
      "amd64",
      "arm64",
      "arm64",
    ]);
  });

  it.each([
    ["80", { hostAddress: "127.0.0.1", hostPort: 0, guestPort: 80 }],
    ["8080:80", { hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 }],
    ["0.0.0.0:8080:80", { hostAddress: "0.0.0.0", hostPort: 8080, guestPort: 80 }],
    ["[::1]:8080:80/tcp", { hostAddress: "::1", hostPort: 8080, guestPort: 80 }],
  ])("read port %s", (given, port) => {
    expect(parsePort(given, "--port")).toEqual(port);
  });

  it.each(["", "0", "65536", "8080:", ":80", "80:99999", "a:80", "80/udp", "1:2:3:4", "-1", "1e3"])(
    "refuse port %j",
    (given) => {
      expect(() => parsePort(given, "--port")).toThrowError(invalid);
    },
  );

  it.each([
    ["/a:/b", { source: "/a", target: "/b", readOnly: false }],
    ["a b/ü:/b:rw", { source: "/here/a b/ü", target: "/b", readOnly: false }],
    ["C:\\x:/b:ro", { source: expect.stringContaining("C:\\x"), target: "/b", readOnly: true }],
  ])("read mount %s", (given, mount) => {
    expect(parseMount(given, "/here")).toEqual(mount);
  });

  it.each(["", "/a", "/a:", ":/b", "/a:b", "/a:/b:rx", "/a:/b:ro:x"])("refuse mount %j", (given) => {
    expect(() => parseMount(given, "/here")).toThrowError(invalid);
  });
});
