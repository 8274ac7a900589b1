import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { live, temporaryDirectory } from "@mk/testing";
import { XMLParser } from "fast-xml-parser";
import { expect, test } from "vitest";
import { domainXml } from "../src/domain-xml.js";
import { networkXml } from "../src/network-xml.js";
import { chooseSubnet } from "../src/subnet.js";

const suite = await live({ needs: ["program:virsh"] });
const run = promisify(execFile);
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseAttributeValue: false,
  parseTagValue: false,
  htmlEntities: true,
});

const golden = (name: string) => new URL(`golden/${name}.golden.xml`, import.meta.url);
const uuid = "5f0e7b1c-3a43-4c1e-9a59-0d7a2f1b6c11";
/** No slash: libvirt makes file names of names. */
const hostile = `a b'"<>&,;$é`;

/** What libvirt makes of a definition: its test driver lives in virsh alone, and has the parser and the schemas of all drivers. */
async function defined(xml: string, define: string, dump: string): Promise<string> {
  await using directory = await temporaryDirectory();
  const file = directory.join("definition.xml");
  await writeFile(file, xml.replace(/^<domain type="\w+"/, '<domain type="test"'));
  const { stdout } = await run("virsh", ["-q", "-c", "test:///default", `${define} ${file}; ${dump} ${uuid}`]);
  return stdout.slice(stdout.indexOf("<"));
}

suite("libvirt itself", () => {
  test.each(["domain-kvm", "domain-session", "domain-arm64"])("finds %s valid by its schema", async (name) => {
    await defined(await readFile(golden(name), "utf8"), "define --validate", "dumpxml");
  });

  test("finds the network valid by its schema", async () => {
    const xml = (await readFile(golden("network"), "utf8")).replace(/<uuid>.*</, `<uuid>${uuid}<`);
    await defined(xml, "net-define --validate", "net-dumpxml");
  });

  test("reads names and paths with every special character as they were meant", async () => {
    const path = (name: string) => `/tmp/${hostile}/${name}`;
    const dumped = await defined(
      domainXml({
        ...{ name: hostile, uuid, type: "qemu", arch: "amd64", cpus: 1, memoryMiB: 64, hidden: false },
        ...{ kernel: path("k"), initrd: path("i"), cmdline: `a="${hostile}"`, root: path("r"), data: path("d") },
        ...{ diskCache: "none", serialLog: path("s"), mac: "52:54:00:12:34:56", uri: "qemu:///system" },
        network: { kind: "network", name: hostile },
        owner: { uid: 1000, gid: 1000 },
      }),
      "define",
      "dumpxml",
    );
    const { domain } = parser.parse(dumped);
    const { os, devices } = domain;
    expect([domain.name, domain.title]).toEqual([hostile, `mk machine ${hostile}`]);
    expect([os.kernel, os.initrd, os.cmdline]).toEqual([path("k"), path("i"), `a="${hostile}"`]);
    const sources = devices.disk.map((disk: { source: Record<string, string> }) => disk.source["@file"]);
    expect(sources).toEqual([path("r"), path("d")]);
    expect(devices.serial.source["@path"]).toBe(path("s"));
    expect(devices.interface.source["@network"]).toBe(hostile);
  });

  test("reads a network's name with every special character as it was meant", async () => {
    const host = { name: "dev", mac: "52:54:00:12:34:56" };
    const xml = networkXml({
      name: hostile,
      uuid,
      bridge: "mk0123456789",
      subnet: chooseSubnet({ taken: [], routes: [] }),
      host,
    });
    const { network } = parser.parse(await defined(xml, "net-define", "net-dumpxml"));
    expect(network.name).toBe(hostile);
    expect(network.ip.dhcp.host["@name"]).toBe("dev");
  });
});
