import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAuthority, createServerCertificate } from "./certificate.js";
import { createMachineIdentity } from "./machine-identity.js";
import { createSeed } from "./seed.js";

const run = promisify(execFile);
let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory("mk-identity-");
});
afterEach(() => directory[Symbol.asyncDispose]());

describe("certificates", () => {
  it("pass openssl's strict verification for their purpose and names", async () => {
    const identity = createMachineIdentity("one", directory.path);
    await identity.serverCertificate(["10.1.2.3", "fd00::1:2"]);
    const certs = directory.join("certs");
    const verify = (...args: readonly string[]) =>
      run("openssl", ["verify", "-x509_strict", "-CAfile", join(certs, "ca.pem"), ...args]);
    for (const host of ["-verify_hostname=localhost", "-verify_hostname=one"]) {
      const [flag = "", value = ""] = host.split("=");
      await verify("-purpose", "sslserver", flag, value, join(certs, "server.pem"));
    }
    for (const address of ["127.0.0.1", "::1", "10.1.2.3", "fd00::1:2"]) {
      await verify("-purpose", "sslserver", "-verify_ip", address, join(certs, "server.pem"));
    }
    await verify("-purpose", "sslclient", join(certs, "cert.pem"));
    await expect(verify("-purpose", "sslclient", join(certs, "server.pem"))).rejects.toThrow(
      "unsuitable certificate purpose",
    );
    await expect(verify("-purpose", "sslserver", "-verify_ip", "10.9.9.9", join(certs, "server.pem"))).rejects.toThrow(
      "IP address mismatch",
    );
  });

  it("let the machine's own client in over TLS 1.3, and nobody else", async () => {
    const identity = createMachineIdentity("one", directory.path);
    const server = await identity.serverCertificate([]);
    const other = createMachineIdentity("two", directory.join("other"));
    await other.authority();
    const listener = createServer({
      cert: server.certificate,
      key: server.privateKey,
      ca: await identity.authority(),
      requestCert: true,
      rejectUnauthorized: true,
    });
    listener.on("secureConnection", (socket: TLSSocket) => socket.end("hello"));
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as { port: number };

    const dial = async (certs: string, ca: string): Promise<string> => {
      const [cert, key] = await Promise.all([readFile(join(certs, "cert.pem")), readFile(join(certs, "key.pem"))]);
      const socket = connect({ host: "127.0.0.1", port, cert, key, ca });
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      let protocol: string | null = null;
      socket.once("data", () => {
        protocol = socket.getProtocol();
      });
      await once(socket, "close");
      if (chunks.length === 0) throw new Error("the server refused");
      return `${protocol} ${Buffer.concat(chunks)}`;
    };
    const own = await identity.authority();
    expect(await dial(identity.clientCertificates, own)).toBe("TLSv1.3 hello");
    await expect(dial(other.clientCertificates, own)).rejects.toThrow(/refused|alert|reset/);
    await expect(dial(identity.clientCertificates, await other.authority())).rejects.toThrow("self-signed certificate");
    listener.close();
  });

  it("are issued anew only when an address is new", async () => {
    const first = await createMachineIdentity("one", directory.path).serverCertificate(["10.0.0.1"]);
    expect(await createMachineIdentity("one", directory.path).serverCertificate(["10.0.0.1"])).toEqual(first);
    expect(await createMachineIdentity("one", directory.path).serverCertificate([])).toEqual(first);
    const second = await createMachineIdentity("one", directory.path).serverCertificate(["10.0.0.2"]);
    expect(second.certificate).not.toBe(first.certificate);
    const authority = await readFile(directory.join("certs", "ca.pem"), "utf8");
    expect(new X509Certificate(second.certificate).verify(new X509Certificate(authority).publicKey)).toBe(true);
  });

  it("are issued for one more host where one was issued, and not again", async () => {
    const identity = createMachineIdentity("one", directory.path);
    expect(await identity.certificateFor("10.0.0.1")).toBeUndefined();
    await identity.serverCertificate([]);
    expect(await identity.certificateFor("127.0.0.1")).toBeUndefined();
    const made = await identity.certificateFor("10.0.0.1");
    if (made === undefined) throw new TypeError("none was made");
    expect(new X509Certificate(made.certificate).checkIP("10.0.0.1")).toBeDefined();
    // Until the server has it, it is not the server's.
    expect((await identity.serverCertificate([])).certificate).not.toBe(made.certificate);
    await identity.issue(made);
    expect(await createMachineIdentity("one", directory.path).certificateFor("10.0.0.1")).toBeUndefined();
    expect((await identity.serverCertificate([])).certificate).toBe(made.certificate);
  });

  it("are made anew when half of them is lost", async () => {
    const identity = createMachineIdentity("one", directory.path);
    await identity.serverCertificate([]);
    await rm(directory.join("certs", "ca-key.pem"));
    await writeFile(directory.join("certs", "server.pem"), "garbage");
    const again = createMachineIdentity("one", directory.path);
    const { certificate } = await again.serverCertificate([]);
    expect(new X509Certificate(certificate).verify(new X509Certificate(await again.authority()).publicKey)).toBe(true);
  });

  it("are valid already for a guest whose clock is behind", () => {
    const { validFrom, validTo } = new X509Certificate(createAuthority("x").certificate);
    expect(Date.now() - Date.parse(validFrom)).toBeGreaterThan(6 * 86_400_000);
    expect(Date.parse(validTo) - Date.now()).toBeGreaterThan(9 * 365 * 86_400_000);
  });

  it("write any address of IPv6 in its 16 bytes", () => {
    const authority = createAuthority("x");
    for (const address of ["::1", "::", "fe80::1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "2001:db8::"]) {
      const { certificate } = createServerCertificate(authority, "x", [address]);
      expect(new X509Certificate(certificate).checkIP(address)).toBeDefined();
    }
  });
});

describe("SSH keys", () => {
  it("are understood by ssh-keygen and belong together", async () => {
    const identity = createMachineIdentity("one", directory.path);
    const line = await identity.userPublicKey();
    const { stdout } = await run("ssh-keygen", ["-y", "-f", identity.userKeyFile]);
    expect(stdout.trim().split(" ").slice(0, 2)).toEqual(line.split(" ").slice(0, 2));
    await writeFile(directory.join("host"), await identity.hostKey(), { mode: 0o600 });
    const host = await run("ssh-keygen", ["-y", "-f", directory.join("host")]);
    const known = await readFile(identity.knownHostsFile, "utf8");
    expect(known).toBe(`mk-one ${host.stdout.trim().split(" ").slice(0, 2).join(" ")}\n`);
  });

  it("stay the same once made, and are their owner's alone", async () => {
    const line = await createMachineIdentity("one", directory.path).userPublicKey();
    const again = createMachineIdentity("one", directory.path);
    expect(await again.userPublicKey()).toBe(line);
    expect((await stat(again.userKeyFile)).mode & 0o777).toBe(0o600);
  });
});

describe("the seed", () => {
  it("has every file that docs/architecture.md names, secrets for root alone", async () => {
    const identity = createMachineIdentity("one", directory.path);
    const files = await createSeed({ name: "one", id: "the-id" }, identity, ["10.0.0.1"], { "https-proxy": "p:1" });
    expect(files.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      "/etc/hostname 644",
      "/etc/mk/machine.json 644",
      "/etc/mk/authorized_keys 644",
      "/etc/mk/ssh_host_ed25519_key 600",
      "/etc/mk/tls/ca.pem 644",
      "/etc/mk/tls/cert.pem 644",
      "/etc/mk/tls/key.pem 600",
      "/etc/docker/daemon.json 600",
    ]);
    const text = (path: string): string => String(files.find((file) => file.path === path)?.contents);
    expect(text("/etc/hostname")).toBe("one\n");
    expect(JSON.parse(text("/etc/mk/machine.json"))).toEqual({ name: "one", id: "the-id" });
    expect(JSON.parse(text("/etc/docker/daemon.json"))).toMatchObject({
      "storage-driver": "overlay2",
      tlsverify: true,
      proxies: { "https-proxy": "p:1" },
    });
    expect(new X509Certificate(text("/etc/mk/tls/cert.pem")).checkIP("10.0.0.1")).toBe("10.0.0.1");
  });

  it("is the same each time", async () => {
    const first = await createSeed({ name: "one", id: "x" }, createMachineIdentity("one", directory.path));
    expect(await createSeed({ name: "one", id: "x" }, createMachineIdentity("one", directory.path))).toEqual(first);
  });
});
