import { XMLParser } from "fast-xml-parser";
import { describe, expect, it } from "vitest";
import { type DomainSpec, domainTitle, domainXml, parseDomainXml } from "./domain-xml.js";

const spec: DomainSpec = {
  name: "mk-dev",
  uuid: "5f0e7b1c-3a43-4c1e-9a59-0d7a2f1b6c11",
  type: "kvm",
  arch: "amd64",
  cpus: 2,
  memoryMiB: 2048,
  hidden: false,
  kernel: "/home/u/.mk/cache/images/x/kernel",
  initrd: "/home/u/.mk/machines/dev/initrd.img",
  cmdline: "console=ttyS0 mk.ip=192.168.39.2/24,192.168.39.1,192.168.39.1",
  root: "/home/u/.mk/cache/images/x/root.erofs",
  data: "/home/u/.mk/machines/dev/data.raw",
  diskCache: "default",
  serialLog: "/home/u/.mk/machines/dev/serial.log",
  mac: "52:54:00:12:34:56",
  network: { kind: "network", name: "mk-dev" },
  uri: "qemu:///system",
  owner: { uid: 1000, gid: 1000 },
};

const hostile = `/tmp/a b/'"<>&,;$/é`;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseAttributeValue: false,
  parseTagValue: false,
  htmlEntities: true,
});

describe("domainXml", () => {
  it("is the golden file for a machine on KVM", async () => {
    await expect(domainXml(spec)).toMatchFileSnapshot("../test/golden/domain-kvm.golden.xml");
  });

  it("is the golden file for an emulated machine with a CPU model in a session", async () => {
    const forwards = [{ hostAddress: "127.0.0.1", hostPort: 40022, guestPort: 22 }];
    await expect(
      domainXml({
        ...spec,
        uri: "qemu:///session",
        type: "qemu",
        cpuModel: "Nehalem",
        diskCache: "none",
        network: { kind: "user", forwards },
      }),
    ).toMatchFileSnapshot("../test/golden/domain-session.golden.xml");
  });

  it("is the golden file for arm64", async () => {
    await expect(domainXml({ ...spec, arch: "arm64", type: "qemu", hidden: true })).toMatchFileSnapshot(
      "../test/golden/domain-arm64.golden.xml",
    );
  });

  it("is the golden file for names and paths with every special character, and parses back to them", async () => {
    const xml = domainXml({
      ...spec,
      name: hostile,
      kernel: `${hostile}/k`,
      initrd: `${hostile}/i`,
      cmdline: `a="${hostile}"`,
      root: `${hostile}/r`,
      data: `${hostile}/d`,
      serialLog: `${hostile}/s`,
      network: { kind: "network", name: hostile },
      cpuModel: hostile,
    });
    await expect(xml).toMatchFileSnapshot("../test/golden/domain-hostile.golden.xml");
    const { domain } = parser.parse(xml);
    expect([domain.name, domain.title, domain.os.kernel, domain.os.initrd, domain.os.cmdline]).toEqual([
      hostile,
      `mk machine ${hostile}`,
      `${hostile}/k`,
      `${hostile}/i`,
      `a="${hostile}"`,
    ]);
    expect(domain.devices.disk.map((disk: { source: Record<string, string> }) => disk.source["@file"])).toEqual([
      `${hostile}/r`,
      `${hostile}/d`,
    ]);
    expect(domain.devices.serial.source["@path"]).toBe(`${hostile}/s`);
    expect(domain.devices.interface.source["@network"]).toBe(hostile);
    expect(domain.cpu.model["#text"]).toBe(hostile);
    // No more and no fewer elements than with harmless names.
    expect(xml.match(/<[a-z]/g)?.length).toBe(domainXml({ ...spec, cpuModel: "x" }).match(/<[a-z]/g)?.length);
  });

  it("parses back to the title and the machine type that it was given", () => {
    const machineType = "pc-q35-7.2";
    expect(parseDomainXml(domainXml({ ...spec, machineType }))).toEqual({ title: domainTitle(spec.name), machineType });
    expect(parseDomainXml("<domain><name>other</name></domain>")).toEqual({});
    expect(parseDomainXml("")).toEqual({});
  });

  it("says the format of every disk, so that libvirt never probes one", () => {
    expect(domainXml(spec).match(/type="raw"/g)).toHaveLength(2);
  });
});
