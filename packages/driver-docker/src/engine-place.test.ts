import { createHash } from "node:crypto";
import { scriptedHost } from "@mk/conformance";
import { describe, expect, test } from "vitest";
import { openTarget } from "./engine-connection.js";
import { currentEngine, parsePlace } from "./engine-place.js";

const HOME = "/home/user";
const key = (context: string): string => createHash("sha256").update(context).digest("hex");

/** The files of `docker context create`. */
function contextFiles(name: string, host: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const meta = { Name: name, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
  return { [`${HOME}/.docker/contexts/meta/${key(name)}/meta.json`]: JSON.stringify(meta), ...more };
}

const place = (env: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) =>
  currentEngine(scriptedHost({ env, files }));

describe("the engine in use", () => {
  test("is the default socket without any setting", async () => {
    expect(await place({})).toEqual({ host: "unix:///var/run/docker.sock" });
    expect(await currentEngine(scriptedHost({ platform: "win32" }))).toEqual({
      host: "npipe:////./pipe/docker_engine",
    });
  });

  test("is Docker Desktop's own socket on a Mac that has one", async () => {
    const files = { [`${HOME}/.docker/run/docker.sock`]: "" };
    expect(await currentEngine(scriptedHost({ platform: "darwin", files }))).toEqual({
      host: `unix://${HOME}/.docker/run/docker.sock`,
    });
    expect(await currentEngine(scriptedHost({ platform: "darwin" }))).toEqual({ host: "unix:///var/run/docker.sock" });
  });

  test("is DOCKER_HOST's before any context, as the docker command has it", async () => {
    const files = contextFiles("other", "tcp://other:2375");
    expect(await place({ DOCKER_HOST: "tcp://here:2375", DOCKER_CONTEXT: "other" }, files)).toEqual({
      host: "tcp://here:2375",
    });
    expect(await place({ DOCKER_HOST: "here:2375" })).toEqual({ host: "tcp://here:2375" });
  });

  const ofMkEnv = {
    DOCKER_HOST: "tcp://127.0.0.1:40000",
    DOCKER_TLS_VERIFY: "1",
    DOCKER_CERT_PATH: "/certs",
    MK_ACTIVE_MACHINE: "mk",
    MK_ACTIVE_DOCKER_HOST: "tcp://127.0.0.1:40000",
  };

  test("is not the machine's that mk env has put into DOCKER_HOST", async () => {
    expect(await place(ofMkEnv)).toEqual({ host: "unix:///var/run/docker.sock" });
    const files = contextFiles("other", "tcp://other:2375");
    expect(await place({ ...ofMkEnv, DOCKER_CONTEXT: "other" }, files)).toMatchObject({ host: "tcp://other:2375" });
  });

  test("is the user's that was put into DOCKER_HOST after mk env", async () => {
    expect(await place({ ...ofMkEnv, DOCKER_HOST: "ssh://build" })).toMatchObject({ host: "ssh://build" });
  });

  test("speaks TLS when DOCKER_TLS_VERIFY or DOCKER_TLS says so", async () => {
    const env = { DOCKER_HOST: "tcp://here:2376", DOCKER_CERT_PATH: "/certs" };
    expect(await place(env)).toEqual({ host: "tcp://here:2376" });
    expect(await place({ ...env, DOCKER_TLS_VERIFY: "1" })).toEqual({
      host: "tcp://here:2376",
      tlsDirectory: "/certs",
    });
    expect(await place({ ...env, DOCKER_TLS: "1" })).toMatchObject({ tlsDirectory: "/certs", insecure: true });
    expect(await place({ DOCKER_HOST: "tcp://here:2376", DOCKER_TLS_VERIFY: "1" })).toMatchObject({
      tlsDirectory: `${HOME}/.docker`,
    });
  });

  test("is DOCKER_CONTEXT's, else the configured one, with its certificates", async () => {
    const files = {
      ...contextFiles("one", "unix:///run/one.sock"),
      ...contextFiles("two", "tcp://two:2376", { [`${HOME}/.docker/contexts/tls/${key("two")}/docker/ca.pem`]: "CA" }),
      [`${HOME}/.docker/config.json`]: JSON.stringify({ currentContext: "two" }),
    };
    expect(await place({ DOCKER_CONTEXT: "one" }, files)).toEqual({ host: "unix:///run/one.sock", context: "one" });
    expect(await place({}, files)).toEqual({
      host: "tcp://two:2376",
      tlsDirectory: `${HOME}/.docker/contexts/tls/${key("two")}/docker`,
      context: "two",
    });
    expect(await place({ DOCKER_CONTEXT: "default" }, files)).toEqual({ host: "unix:///var/run/docker.sock" });
  });

  test("is an error that names the context when that does not exist", async () => {
    await expect(place({ DOCKER_CONTEXT: "gone" })).rejects.toMatchObject({
      code: "DRIVER_UNAVAILABLE",
      message: expect.stringContaining('"gone"'),
    });
  });

  test("is the default one when docker's config does not parse", async () => {
    expect(await place({}, { [`${HOME}/.docker/config.json`]: "{" })).toEqual({ host: "unix:///var/run/docker.sock" });
  });

  test("comes back from a record as it went in, and is nothing when the record is", async () => {
    const whole = { host: "tcp://a:1", tlsDirectory: "/certs", insecure: true, context: "c" };
    expect(parsePlace(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
    for (const raw of [undefined, null, 1, "x", {}, { host: 1 }]) expect(parsePlace(raw)).toBeUndefined();
  });
});

describe("the engine's address", () => {
  test.each([
    ["unix:///run/a b.sock", { kind: "socket", path: "/run/a b.sock" }],
    ["npipe:////./pipe/docker_engine", { kind: "socket", path: "\\\\.\\pipe\\docker_engine" }],
    ["tcp://engine", { kind: "tcp", host: "engine", port: 2375 }],
    ["tcp://engine:80", { kind: "tcp", host: "engine", port: 80 }],
    ["tcp://[::1]:2375", { kind: "tcp", host: "::1", port: 2375 }],
    ["http://10.0.0.1:4243", { kind: "tcp", host: "10.0.0.1", port: 4243 }],
  ])("of %s is parsed", async (host, target) => {
    expect(await openTarget(scriptedHost(), { host })).toEqual(target);
  });

  test("with a directory of certificates is TLS's", async () => {
    const files = { "/certs/ca.pem": "CA", "/certs/cert.pem": "CERT", "/certs/key.pem": "KEY" };
    const target = await openTarget(scriptedHost({ files }), { host: "tcp://engine", tlsDirectory: "/certs" });
    expect(target).toEqual({
      kind: "tcp",
      host: "engine",
      port: 2376,
      tls: { ca: "CA", cert: "CERT", key: "KEY", rejectUnauthorized: true },
    });
  });

  test.each([
    ["ssh://box", "box.lan", ["--", "box"], []],
    ["ssh://me@box:2222", "box.lan", ["-l", "me", "-p", "2222", "--", "box"], []],
    ["ssh://[::1]", "::1", ["--", "::1"], []],
    ["ssh://a%40b@box/run/a%20b.sock", "box.lan", ["-l", "a@b", "--", "box"], ["--host", "unix:///run/a b.sock"]],
    ["ssh://-oProxyCommand=id", "box.lan", ["--", "-oProxyCommand=id"], []],
  ])(
    "of %s is what docker's own ssh would do, at the host that its name stands for",
    async (address, at, to, socket) => {
      const asked: (readonly string[])[] = [];
      const host = scriptedHost({
        programs: {
          ssh(process) {
            asked.push(process.args);
            process.print(`user me\nhostname ${at}\nport 22\n`);
          },
        },
      });
      expect(await openTarget(host, { host: address })).toEqual({
        kind: "ssh",
        host: at,
        argv: ["ssh", "-T", ...to, "docker", ...socket, "system", "dial-stdio"],
      });
      expect(asked).toEqual([["-G", ...to]]);
    },
  );

  test("over SSH needs ssh", async () => {
    await expect(openTarget(scriptedHost(), { host: "ssh://box" })).rejects.toMatchObject({
      code: "COMMAND_NOT_FOUND",
    });
  });

  test.each(["ssh://", "ssh://me:secret@host", "nonsense", "tcp://", "ftp://host"])(
    "%s is refused with a fix",
    async (host) => {
      await expect(openTarget(scriptedHost(), { host })).rejects.toMatchObject({
        code: "DRIVER_UNAVAILABLE",
        hint: expect.stringMatching(/^[A-Z]/),
      });
    },
  );
});
