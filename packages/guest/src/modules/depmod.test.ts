import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { live } from "@mk/testing";
import { expect, test } from "vitest";
import { moduleFile } from "../../test/fixtures/module-file.js";
import { run } from "../../test/fixtures/program.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { dependenciesOf, depmodFiles } from "./depmod.js";
import { type ModuleInfo, readModuleInfo } from "./module-info.js";
import { selectModules } from "./select.js";

const RELEASE = "6.12.1-test";

const files: Readonly<Record<string, readonly string[]>> = {
  "kernel/lib/libcrc32c.ko": ["name=libcrc32c", "depends="],
  "kernel/net/core/nf_core.ko": ["name=nf_core", "depends=libcrc32c"],
  "kernel/net/nf-nat.ko": [
    "name=nf_nat",
    "depends=nf_core,libcrc32c",
    "alias=ip6t_nat",
    "softdep=pre: nf-extra post: late",
  ],
  "kernel/net/nf_extra.ko": [
    "name=nf_extra",
    "depends=",
    "alias=pci:v00001AF4d00001041sv*sd*bc*sc*i*",
    "alias=net-pf-16-proto-12",
  ],
  "kernel/net/late.ko": ["name=late", "depends=", "alias=virtio:d0000000[1-3]v*"],
};

const modules: readonly ModuleInfo[] = Object.entries(files).map(([path, info]) =>
  readModuleInfo(path, moduleFile(info)),
);

const input = {
  modules,
  order: Object.keys(files),
  builtin: ["kernel/drivers/virtio/virtio_pci.ko", "kernel/fs/ext4/ext4.ko"],
  builtinInfo: Buffer.from("ext4.alias=fs-ext4\0ext4.license=GPL\0virtio_pci.alias=pci:v00001AF4d*\0", "latin1"),
};

async function moduleDirectory(): Promise<string> {
  const root = await temporaryDirectory();
  const base = join(root, "lib/modules", RELEASE);
  for (const [path, info] of Object.entries(files)) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), moduleFile(info));
  }
  for (const [name, contents] of depmodFiles(input)) await writeFile(join(base, name), contents);
  return root;
}

test("lists what a module needs in the reverse order of loading", () => {
  const byName = new Map(modules.map((module) => [module.name, module]));
  expect(dependenciesOf("nf_nat", byName)).toEqual(["nf_core", "libcrc32c"]);
});

test("refuses a module whose dependency is not there", () => {
  const broken = modules.filter(({ name }) => name !== "libcrc32c");
  expect(() => depmodFiles({ ...input, modules: broken })).toThrow(
    "the module nf_core needs libcrc32c, which is not there",
  );
});

test("takes the modules that are named and those they need, and reads no other", async () => {
  const read: string[] = [];
  const chosen = await selectModules(Object.keys(files), [/^net\/nf-nat/], async (path) => {
    read.push(path);
    return { info: readModuleInfo(path, moduleFile(files[path]!)) };
  });
  expect(chosen.map(({ info }) => info.name)).toEqual(["libcrc32c", "nf_core", "nf_nat"]);
  expect(read.sort()).toEqual(chosen.map(({ info }) => info.path).sort());
});

test("writes the text files in the kernel's order", () => {
  const written = depmodFiles(input);
  expect(written.get("modules.dep")).toBe(
    [
      "kernel/lib/libcrc32c.ko:",
      "kernel/net/core/nf_core.ko: kernel/lib/libcrc32c.ko",
      "kernel/net/nf-nat.ko: kernel/net/core/nf_core.ko kernel/lib/libcrc32c.ko",
      "kernel/net/nf_extra.ko:",
      "kernel/net/late.ko:",
      "",
    ].join("\n"),
  );
  expect(written.get("modules.alias")).toContain("alias net-pf-16-proto-12 nf_extra\n");
  expect(written.get("modules.softdep")).toBe("softdep nf_nat pre: nf-extra post: late\n");
});

const suite = await live({ needs: ["program:modprobe"] });

suite("with kmod as the reference", () => {
  const modprobe = async (...args: readonly string[]): Promise<readonly string[]> => {
    const root = await moduleDirectory();
    const output = run("modprobe", [
      "--dirname",
      root,
      "--set-version",
      RELEASE,
      "--config",
      "/dev/null",
      ...args,
    ]).toString();
    return output.replaceAll(`${root}/`, "").replaceAll(/ +$/gm, "").trimEnd().split("\n");
  };
  const insmod = (path: string): string => `insmod lib/modules/${RELEASE}/kernel/${path}`;

  test("modprobe loads dependencies first", async () => {
    expect(await modprobe("--show-depends", "nf-nat")).toEqual(
      expect.arrayContaining([insmod("lib/libcrc32c.ko"), insmod("net/core/nf_core.ko"), insmod("net/nf-nat.ko")]),
    );
  });

  test.each([
    ["pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00", "nf_extra"],
    ["net-pf-16-proto-12", "nf_extra"],
    ["virtio:d00000002v00001AF4", "late"],
    ["ip6t_nat", "nf_nat"],
  ])("modprobe resolves the alias %s", async (alias, name) => {
    expect(await modprobe("--resolve-alias", alias)).toEqual([name]);
  });

  test("modprobe takes what is built in for loaded", async () => {
    expect(await modprobe("--show-depends", "ext4")).toEqual(["builtin ext4"]);
    expect(await modprobe("--show-depends", "fs-ext4")).toEqual(["builtin ext4"]);
  });

  test("modprobe finds nothing under a name that is not there", async () => {
    await expect(modprobe("--show-depends", "virtio:d00000009v00001AF4")).rejects.toThrow();
  });
});
