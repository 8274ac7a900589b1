import { resolve } from "node:path/posix";
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { parseArguments } from "../test/fixtures/stand-in.mjs";
import { commandLine, type Launch, macCommandLine } from "./command-line.js";

const ID = "6b1e7c3a-3c53-4f0e-9f3d-0a5a7c6f5d21";

function launch(home: string, changes: Partial<Launch> = {}): Launch {
  return {
    config: { version: 1, cpus: 2, memoryMiB: 2048, diskMiB: 20_480, extraArgs: [] },
    id: ID,
    directory: `${home}/.mk/machines/m1`,
    image: {
      kernel: `${home}/.mk/cache/images/0123/vmlinuz`,
      root: `${home}/.mk/cache/images/0123/root.erofs`,
    },
    cmdline: "console=ttyS0 quiet mk.ip=dhcp",
    ...changes,
  };
}

/** What HyperKit makes of the arguments: paths as it would open them. */
function readBack(given: Launch) {
  const parsed = parseArguments(commandLine(given));
  const disks = [...(parsed?.devices.values() ?? [])].filter(({ device }) => device === "virtio-blk");
  const at = (path: string | undefined) => path && resolve(given.directory, path);
  return {
    kernel: at(parsed?.firmware?.kernel),
    initrd: at(parsed?.firmware?.initrd),
    cmdline: parsed?.firmware?.cmdline,
    disks: disks.map(({ config: [path, ...options] }) => [at(path), ...options]),
    uuid: parsed?.U,
  };
}

function expected({ directory, image, cmdline, id }: Launch) {
  return {
    kernel: image.kernel,
    initrd: `${directory}/initrd.img`,
    cmdline,
    disks: [[image.root, "ro"], [`${directory}/data.img`]],
    uuid: id,
  };
}

const HOSTILE = {
  plain: "/Users/user",
  spaces: "/Users/Jean Luc",
  quotes: `/Users/o'brien "the \\ one"`,
  markup: "/Users/<b>&amp;",
  shell: "/Users/$(id);`id`|$HOME",
  comma: "/Users/last, first",
  dashes: "/Users/-rf/--help",
  unicode: "/Users/Zoë/名前",
} as const;

describe("commandLine", () => {
  for (const [name, home] of Object.entries(HOSTILE)) {
    test(`is read back as it was meant, home ${name}`, () => {
      expect(readBack(launch(home))).toEqual(expected(launch(home)));
    });
    test(`is as recorded, home ${name}`, async () => {
      const lines = commandLine(launch(home)).join("\n");
      await expect(`${lines}\n`).toMatchFileSnapshot(`../test/golden/command-line-${name}.golden`);
    });
  }

  test.prop([fc.stringMatching(/^[^,/\0]{1,20}$/)])(
    "is read back as it was meant, whatever the home is called",
    (name) => {
      fc.pre(name !== "." && name !== "..");
      expect(readBack(launch(`/Users/${name}`))).toEqual(expected(launch(`/Users/${name}`)));
    },
  );

  test("keeps the commas of the kernel command line", () => {
    const cmdline = "mk.ip=192.168.64.9/24,192.168.64.1,1.1.1.1 console=ttyS0,115200";
    expect(readBack(launch("/Users/user", { cmdline })).cmdline).toBe(cmdline);
  });

  test("refuses a path that has a comma where HyperKit would read an option", () => {
    const image = { kernel: "/Volumes/a,b/vmlinuz", root: "/Volumes/a,b/root.erofs" };
    expect(() => commandLine(launch("/Users/user", { image }))).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", hint: expect.any(String) }),
    );
  });

  test("has no 9p and no CD-ROM: the guest's kernel has neither", () => {
    expect(commandLine(launch("/Users/user")).join(" ")).not.toMatch(/9p|ahci|\.iso/);
  });

  test("puts the user's arguments before the firmware, one each", () => {
    const { config } = launch("/");
    const args = commandLine(launch("/Users/user", { config: { ...config, extraArgs: ["-w", "-s", "7,virtio-rnd"] } }));
    expect(args.slice(args.indexOf("-w"), args.indexOf("-f"))).toEqual(["-w", "-s", "7,virtio-rnd"]);
  });
});

test("macCommandLine asks for the address of a machine's own UUID, with a device to have one", () => {
  const parsed = parseArguments(macCommandLine(ID));
  expect(parsed?.flags.has("M")).toBe(true);
  expect(parsed?.U).toBe(ID);
  expect([...(parsed?.devices.values() ?? [])].map(({ device }) => device)).toContain("virtio-net");
});
