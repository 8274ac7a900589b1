import { describe, expect, it } from "vitest";
import { engineProxies } from "./engine-proxies.js";

const LOOPBACK = "localhost,127.0.0.1,::1";

describe("the proxies of a guest's engine", () => {
  it("are the host's, and what is excepted stays so", () => {
    expect(engineProxies({ HTTP_PROXY: "http://p:1", https_proxy: "q.example:2", no_proxy: "a,.b" })).toEqual({
      settings: { "http-proxy": "http://p:1", "https-proxy": "q.example:2", "no-proxy": `a,.b,${LOOPBACK}` },
      unreachable: [],
    });
  });

  it("are those that docker would take where a variable is there twice", () => {
    const env = { HTTPS_PROXY: "http://p:1", https_proxy: "http://q:2", NO_PROXY: "a", no_proxy: "b" };
    expect(engineProxies(env).settings).toEqual({ "https-proxy": "http://p:1", "no-proxy": `a,${LOOPBACK}` });
    expect(engineProxies({ ...env, HTTPS_PROXY: "", NO_PROXY: "" }).settings).toEqual({
      "https-proxy": "http://q:2",
      "no-proxy": `b,${LOOPBACK}`,
    });
  });

  it("are none where the host has none", () => {
    expect(engineProxies({ HTTP_PROXY: "", NO_PROXY: "a" })).toEqual({ settings: undefined, unreachable: [] });
  });

  it.each([
    "http://127.0.0.1:3128",
    "http://user:secret@localhost:3128",
    "localhost:3128",
    "LOCALHOST",
    "127.1:8080",
    "socks5://[::1]:1080",
    "http://0.0.0.0:1",
    "http://a b:1",
  ])("are not %s, which no guest reaches", (proxy) => {
    expect(engineProxies({ HTTPS_PROXY: proxy })).toEqual({ settings: undefined, unreachable: ["HTTPS_PROXY"] });
    expect(engineProxies({ HTTP_PROXY: "http://p:1", https_proxy: proxy })).toEqual({
      settings: { "http-proxy": "http://p:1", "no-proxy": LOOPBACK },
      unreachable: ["https_proxy"],
    });
  });
});
