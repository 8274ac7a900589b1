import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { commandLine, type Launch } from "./command-line.js";
import { monitorsOf, type RunPlace } from "./monitor-address.js";

function at(directory: string, ports?: RunPlace["monitorPorts"]): Pick<Launch, "directory" | "monitors"> {
  return { directory, monitors: monitorsOf({ directory, ...(ports && { monitorPorts: ports }) }) };
}

const LAUNCH: Launch = {
  name: "mk",
  id: "6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21",
  arch: "amd64",
  cpus: 2,
  memoryMiB: 2048,
  accelerator: "kvm",
  cpu: "host",
  machineType: "pc-q35-7.2",
  kernel: "/home/user/.mk/cache/images/5e5e/kernel",
  initrd: "/home/user/.mk/machines/mk/initrd.img",
  cmdline: "console=ttyS0 quiet mk.ip=10.0.2.15/24,10.0.2.2,10.0.2.3",
  root: "/home/user/.mk/cache/images/5e5e/root.erofs",
  data: { path: "/home/user/.mk/machines/mk/data.raw", format: "raw", cache: "writeback" },
  macAddress: "52:54:00:12:34:56",
  serialLog: "/home/user/.mk/machines/mk/serial.log",
  ...at("/run/user/1000/mk-0123/abcd"),
  sandbox: true,
  extraArgs: [],
};

const HOSTILE = `/home/o'brien "x" <y>&,z;$HOME, ,=\\ü\n/`;
const hostile: Launch = {
  ...LAUNCH,
  name: "a,b=c",
  kernel: `${HOSTILE}kernel`,
  initrd: `${HOSTILE}initrd.img`,
  root: `${HOSTILE}root,read-only=off`,
  data: { ...LAUNCH.data, path: `${HOSTILE}data.raw` },
  serialLog: `${HOSTILE}serial.log`,
  ...at(`${HOSTILE}run`),
};

/** One option and its value in a line, so that a golden file reads like a command. */
function text(args: readonly string[]): string {
  return `${args.map((arg, index) => (index > 0 && !/^-[a-z]/.test(arg) ? ` ${arg}` : `\n${arg}`)).join("")}\n`.slice(
    1,
  );
}

/** QEMU's own reading of a comma-separated option: a doubled comma is one of the value. */
function parseOption(option: string): readonly (readonly [string, string])[] {
  return splitAtCommas(option).map((part) => {
    const cut = part.indexOf("=");
    return cut < 0 ? ["", part] : [part.slice(0, cut), part.slice(cut + 1)];
  });
}

function splitAtCommas(option: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  for (let at = 0; at < option.length; at += 1) {
    if (option[at] === "," && option[at + 1] !== ",") {
      parts.push(part);
      part = "";
      continue;
    }
    part += option[at];
    if (option[at] === ",") at += 1;
  }
  return [...parts, part];
}

function valuesOf(args: readonly string[], option: string): readonly string[] {
  return args.flatMap((arg, index) => (args[index - 1] === option ? [arg] : []));
}

describe("commandLine", () => {
  test.each([
    ["linux-kvm", LAUNCH],
    [
      "linux-tcg-arm64",
      { ...LAUNCH, arch: "arm64", accelerator: "tcg", cpu: "max,pauth-impdef=on", machineType: "virt-7.2" },
    ],
    ["darwin-hvf", { ...LAUNCH, arch: "arm64", accelerator: "hvf", machineType: "virt-9.2", sandbox: false }],
    ["windows-whpx", { ...LAUNCH, accelerator: "whpx", cpu: "qemu64", sandbox: false, ...onWindows() }],
    ["qcow2-directsync", { ...LAUNCH, data: { path: "/data.qcow2", format: "qcow2", cache: "directsync" } }],
    ["hostile", hostile],
  ] as const satisfies readonly (readonly [string, Launch])[])("is, for %s, as it was", async (name, launch) => {
    await expect(text(commandLine(launch))).toMatchFileSnapshot(`../test/golden/${name}.golden.txt`);
  });

  const anything = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));
  test.prop([anything, anything])("keeps every path and name whole, whatever is in it", (path, name) => {
    const args = commandLine({
      ...LAUNCH,
      name,
      root: path,
      serialLog: path,
      data: { ...LAUNCH.data, path },
      ...at(path),
    });
    expect(parseOption(valuesOf(args, "-name")[0]!)).toEqual([["guest", name]]);
    const chardevs = valuesOf(args, "-chardev").map((value) => new Map(parseOption(value)));
    expect(chardevs.map((chardev) => chardev.get("path"))).toEqual([
      `${path}/qmp`,
      `${path}/query`,
      `${path}/ready`,
      path,
    ]);
    for (const chardev of chardevs) {
      for (const key of chardev.keys()) expect(["", "id", "path", "server", "wait"]).toContain(key);
    }
    const blocks = valuesOf(args, "-blockdev").map((value) => JSON.parse(value));
    expect(blocks.map(({ file }) => file.filename)).toEqual([path, path]);
    expect(valuesOf(args, "-pidfile")).toEqual([`${path}/pid`]);
  });

  test("listens on nothing but sockets in the run directory", () => {
    const args = commandLine(LAUNCH);
    expect(valuesOf(args, "-netdev")).toEqual(["user,id=net0"]);
    expect(args.join(" ")).not.toMatch(/tcp|hostfwd|vnc|spice|telnet/);
  });

  test("attaches the root read-only and first, the data disk second", () => {
    const [root, data] = valuesOf(commandLine(LAUNCH), "-blockdev").map((value) => JSON.parse(value));
    expect(root).toMatchObject({ "read-only": true, file: { filename: LAUNCH.root, "read-only": true } });
    expect(data).toMatchObject({ driver: "raw", file: { filename: LAUNCH.data.path } });
    expect(data["read-only"]).toBeUndefined();
  });

  test("puts the user's own arguments last, each as it is", () => {
    expect(commandLine({ ...LAUNCH, extraArgs: ["-device", "edu, x"] }).slice(-2)).toEqual(["-device", "edu, x"]);
  });
});

function onWindows(): Pick<Launch, "kernel" | "initrd" | "root" | "data" | "serialLog" | "directory" | "monitors"> {
  const home = "C:\\Users\\Jane Doe\\.mk";
  return {
    kernel: `${home}\\cache\\kernel`,
    initrd: `${home}\\machines\\mk\\initrd.img`,
    root: `${home}\\cache\\root.erofs`,
    data: { path: `${home}\\machines\\mk\\data.raw`, format: "raw", cache: "writeback" },
    serialLog: `${home}\\machines\\mk\\serial.log`,
    ...at("C:\\Users\\Jane Doe\\AppData\\Local\\Temp\\mk-0123\\abcd", { commands: 50_001, queries: 50_002 }),
  };
}
