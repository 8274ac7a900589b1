import { truncate, writeFile } from "node:fs/promises";
import { createNodeHost } from "@mk/core";
import { requireTool, temporaryDirectory } from "@mk/testing";
import { describe, expect, test } from "vitest";
import { growRawDisk, makeRawDisk } from "./disk.js";
import { assertSelfContained, inspectDiskImage } from "./disk-image.js";
import { makeQcow2Disk } from "./qcow2.js";

const { files, run } = createNodeHost();
const MIB = 1024 * 1024;

describe("raw disks", () => {
  test("are sparse, of the size asked for, and the owner's alone", async () => {
    await using directory = await temporaryDirectory();
    const disk = directory.join("data.raw");
    await makeRawDisk(files, disk, 4096);
    const stat = await files.stat(disk);
    expect(stat).toMatchObject({ size: 4096 * MIB, mode: expect.any(Number) });
    expect(stat!.allocated).toBeLessThan(MIB);
    expect(stat!.mode & 0o777).toBe(0o600);
  });

  test("grow, never shrink, and keep their data", async () => {
    await using directory = await temporaryDirectory();
    const disk = directory.join("data.raw");
    await makeRawDisk(files, disk, 1);
    await files.patch(disk, 1080, Uint8Array.of(0x53, 0xef));
    expect(await growRawDisk(files, disk, 3)).toBe(true);
    expect(await growRawDisk(files, disk, 2)).toBe(false);
    expect((await files.stat(disk))?.size).toBe(3 * MIB);
    expect(await files.readBytes(disk, { offset: 1080, length: 2 })).toEqual(
      expect.objectContaining({ 0: 0x53, 1: 0xef }),
    );
  });

  test("are never made over a file that is there", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(directory.join("disk"), "precious");
    await expect(makeRawDisk(files, directory.join("disk"), 1)).rejects.toMatchObject({ code: "MACHINE_EXISTS" });
    await expect(makeQcow2Disk(files, directory.join("disk"), 1)).rejects.toMatchObject({ code: "MACHINE_EXISTS" });
    expect(await files.readText(directory.join("disk"))).toBe("precious");
  });

  test("that are gone or of another format are not grown", async () => {
    await using directory = await temporaryDirectory();
    await expect(growRawDisk(files, directory.join("none"), 1)).rejects.toMatchObject({ code: "MACHINE_BROKEN" });
    await makeQcow2Disk(files, directory.join("qcow2"), 1);
    await expect(growRawDisk(files, directory.join("qcow2"), 2)).rejects.toMatchObject({ code: "MACHINE_BROKEN" });
  });
});

describe("qcow2 disks", () => {
  test.for([1, 20 * 1024, 4 * 1024 * 1024])(
    "of %d MiB are whole in the eyes of qemu-img",
    async (sizeMiB, { skip }) => {
      const missing = await requireTool("program:qemu-img");
      if (missing !== undefined) return skip(missing);
      await using directory = await temporaryDirectory();
      const disk = directory.join("data.qcow2");
      await makeQcow2Disk(files, disk, sizeMiB);
      const check = await run("qemu-img", ["check", "-f", "qcow2", disk], { allowFailure: true });
      expect(check).toMatchObject({ exitCode: 0, stderr: "" });
      const info = JSON.parse((await run("qemu-img", ["info", "--output=json", disk])).stdout);
      expect(info).toMatchObject({ format: "qcow2", "virtual-size": sizeMiB * MIB });
      expect(await inspectDiskImage(files, disk)).toEqual({
        format: "qcow2",
        virtualBytes: sizeMiB * MIB,
        problems: [],
      });
    },
  );
});

describe("disk images from elsewhere", () => {
  const make = (...args: readonly string[]) => run("qemu-img", ["create", "-q", ...args]);

  test("are refused when they name other files", async (context) => {
    const missing = await requireTool("program:qemu-img");
    if (missing !== undefined) return context.skip(missing);
    await using directory = await temporaryDirectory();
    const [base, over, split] = ["base", "over", "split"].map((name) => directory.join(name)) as [
      string,
      string,
      string,
    ];
    await make("-f", "qcow2", base, "1M");
    await make("-f", "qcow2", "-b", base, "-F", "qcow2", over);
    await make("-f", "qcow2", "-o", `data_file=${directory.join("data")}`, split, "1M");
    await assertSelfContained(files, base, "qcow2");
    await expect(assertSelfContained(files, over, "qcow2")).rejects.toMatchObject({
      code: "INTEGRITY",
      message: expect.stringContaining("names a backing file"),
    });
    await expect(assertSelfContained(files, split, "qcow2")).rejects.toThrow(/keeps its data in another file/);
  });

  test("are refused when they are not of the format they are attached as", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.join("image");
    await makeQcow2Disk(files, path, 1);
    await expect(assertSelfContained(files, path, "raw")).rejects.toThrow(/it is qcow2, not raw/);
    await writeFile(path, '# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0\n');
    await expect(assertSelfContained(files, path, "raw")).rejects.toMatchObject({ code: "INTEGRITY" });
    expect(await inspectDiskImage(files, path)).toMatchObject({ format: "other" });
    await truncate(path, 0);
    await assertSelfContained(files, path, "raw");
  });

  test("are refused when they are cut off, encrypted, links or gone", async () => {
    await using directory = await temporaryDirectory();
    const path = directory.join("image");
    await writeFile(path, "QFI\xfb", "latin1");
    await expect(assertSelfContained(files, path, "qcow2")).rejects.toThrow(/cut off/);
    await makeQcow2Disk(files, directory.join("encrypted"), 1);
    await files.patch(directory.join("encrypted"), 35, Uint8Array.of(2));
    await expect(assertSelfContained(files, directory.join("encrypted"), "qcow2")).rejects.toThrow(/encrypted/);
    await expect(assertSelfContained(files, directory.path, "raw")).rejects.toThrow(/it is a directory/);
    await expect(assertSelfContained(files, directory.join("none"), "raw")).rejects.toMatchObject({
      code: "MACHINE_BROKEN",
    });
  });
});
