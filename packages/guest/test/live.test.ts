import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GuestArch, GuestImage } from "@mk/core";
import { buildImage, imageInfo } from "@mk/guest";
import { live, testHome, until } from "@mk/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BareMachine, growDisk, type MachineParts, makeParts } from "./fixtures/bare-machine.js";
import { recordedOperation } from "./fixtures/operation.js";
import { run } from "./fixtures/program.js";
import { temporaryDirectory } from "./fixtures/temporary-directory.js";

// Shared with other packages' tests, so that Debian is asked once.
const home = testHome();
const build = (arch: GuestArch): Promise<GuestImage> => buildImage({ home, arch }, recordedOperation());

const SLOW_MS = 900_000;

const amd64 = await live({
  needs: [
    "program:qemu-system-x86_64",
    "program:ssh",
    "network",
    "program:depmod",
    "program:fsck.erofs",
    "program:debugfs",
    "program:dumpe2fs",
  ],
});

amd64("the image of Debian's packages for amd64", () => {
  let directory: string;
  let parts: MachineParts;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "mk-guest-live-"));
    parts = await makeParts(directory, await build("amd64"));
  }, SLOW_MS);
  afterAll(() => rm(directory, { recursive: true, force: true }));

  test(
    "is built of packages that the lock file names, twice with the same digest",
    async () => {
      const { digest } = parts.image;
      const info = await imageInfo(home, digest);
      expect(info.packages.map(({ name }) => name)).toEqual(
        expect.arrayContaining(["docker.io", "containerd", "runc", "dropbear-bin"]),
      );
      const other = await temporaryDirectory();
      const again = await buildImage({ home: other, arch: "amd64" }, recordedOperation());
      expect(again.digest).toBe(digest);
    },
    SLOW_MS,
  );

  test(
    "has the module indexes that depmod would write",
    async () => {
      const target = join(await temporaryDirectory(), "root");
      run("fsck.erofs", [`--extract=${target}`, "--no-preserve", parts.image.root]);
      const [release] = await readdir(join(target, "usr/lib/modules"));
      const base = join(target, "usr/lib/modules", release!);
      const read = async (name: string): Promise<readonly string[]> =>
        (await readFile(join(base, name), "utf8"))
          .split("\n")
          .filter((line) => line !== "" && !line.startsWith("#"))
          .map((line) => line.split(" ").sort().join(" "))
          .sort();
      const [dependencies, aliases] = [await read("modules.dep"), await read("modules.alias")];
      run("depmod", ["--basedir", join(target, "usr"), release!]);
      expect(dependencies).toEqual(await read("modules.dep"));
      expect(new Set(aliases)).toEqual(new Set(await read("modules.alias")));
    },
    SLOW_MS,
  );

  test(
    "boots, answers SSH and Docker, keeps its data over a stop, and grows with its disk",
    async () => {
      {
        await using machine = await BareMachine.boot(parts);
        expect((await machine.marker("data")).fields).toEqual({ formatted: "yes", grown: "no" });
        await machine.marker("ssh");
        expect(await machine.ssh("id -un; hostname; sudo -n id -u; . /etc/os-release; echo $ID")).toMatchObject({
          code: 0,
          stdout: "mk\nbare\n0\nmk\n",
        });

        // No password opens it, for nobody, and root has no way in at all.
        const password = [
          "-o",
          "PubkeyAuthentication=no",
          "-o",
          "PreferredAuthentications=password,keyboard-interactive",
        ];
        for (const user of ["mk", "root"]) {
          const refused = await machine.ssh("true", ["-l", user, ...password]);
          expect(refused).toMatchObject({
            code: 255,
            stderr: expect.stringContaining("Permission denied (publickey)"),
          });
        }
        expect(await machine.ssh("true", ["-l", "root"])).toMatchObject({ code: 255 });

        await machine.marker("ready");
        const info = await machine.ssh("docker info --format '{{.Driver}} {{.CgroupVersion}} {{.DefaultRuntime}}'");
        expect(info).toMatchObject({ code: 0, stdout: "overlay2 2 runc\n" });
        const image =
          "mkdir -p /tmp/i/bin && cp /usr/bin/busybox /tmp/i/bin/sh && tar -C /tmp/i -c . | docker import - tiny:1 >/dev/null";
        const ran = await machine.ssh(`${image} && docker run --rm tiny:1 sh -c 'echo in a container'`);
        expect(ran).toMatchObject({ code: 0, stdout: "in a container\n" });
        // Databases in containers need more open files than the kernel's own 4096, image builders a loop device.
        const limits = "ulimit -Hn; docker run --rm tiny:1 sh -c 'ulimit -Hn'; test -c /dev/loop-control && echo loop";
        expect(await machine.ssh(limits)).toMatchObject({ code: 0, stdout: "524288\n524288\nloop\n" });
        const allocated = async (): Promise<number> => (await stat(join(directory, "data.raw"))).blocks * 512;
        await machine.ssh("dd if=/dev/zero of=big bs=1M count=128 conv=fsync");
        const full = await allocated();
        await machine.ssh("rm big && sync");
        await until("the host has back what was deleted", async () => (await allocated()) < full - 100 * 1024 ** 2);
        await machine.ssh("echo kept >keep && sudo -n poweroff");
        await machine.exited;
        expect(machine.markers.map(({ event }) => event)).toContain("shutdown");
      }
      // An error that ext4 met: it is repaired first, since ext4 does not grow before.
      for (const [field, value] of [
        ["error_count", "1"],
        ["state", "2"],
      ] as const)
        run("debugfs", ["-w", "-R", `set_super_value ${field} ${value}`, join(directory, "data.raw")]);
      await growDisk(directory, 6);
      await using machine = await BareMachine.boot(parts, { parameters: "mk.ip=10.0.2.15/24,10.0.2.2,10.0.2.3" });
      expect((await machine.marker("data")).fields).toEqual({ formatted: "no", grown: "yes" });
      expect((await machine.marker("network")).fields).toEqual({ ip: "10.0.2.15" });
      await machine.marker("ssh");
      expect(await machine.ssh("cat keep; cat /etc/resolv.conf")).toMatchObject({
        stdout: "kept\nnameserver 10.0.2.3\n",
      });
      expect(Number((await machine.ssh("stat -f -c %b /data")).stdout) * 4096).toBeGreaterThan(5 * 1024 ** 3);
      // The journal of a disk that was taken down in order is empty.
      await machine.ssh("sudo -n poweroff");
      await machine.exited;
      const state = run("dumpe2fs", ["-h", join(directory, "data.raw")]).toString();
      expect(state).toMatch(/state: +clean/);
      expect(state).not.toContain("needs_recovery");
    },
    SLOW_MS,
  );

  test(
    "starts on a data disk that cannot be grown, and says why",
    async () => {
      const own = await temporaryDirectory();
      const damaged = await makeParts(own, parts.image);
      const disk = join(own, "data.raw");
      const debugfs = (...commands: readonly string[]): Buffer[] =>
        commands.map((command) => run("debugfs", ["-w", "-R", command, disk]));
      run("mke2fs", ["-q", "-F", "-t", "ext4", disk]);
      // Two files in one block: that is not repaired without asking, and ext4 does not grow before.
      const file = join(own, "known_hosts");
      debugfs(`write ${file} a`, `write ${file} b`);
      const block = debugfs("blocks b").toString().trim();
      debugfs(`set_inode_field a block[5] ${block}`, "set_super_value error_count 1", "set_super_value state 2");
      await growDisk(own, 5);
      await using machine = await BareMachine.boot(damaged);
      const { fields } = await machine.marker("data");
      expect(fields).toMatchObject({ formatted: "no", grown: "failed", reason: expect.stringMatching(/\w/) });
      await machine.marker("ssh");
    },
    SLOW_MS,
  );

  test.each([
    ["holds something it does not know", "LUKS\xba\xbe", {}, /could not be mounted and is left as it is/],
    ["cannot be read", "", { unreadable: true }, /cannot be read and is left as it is/],
  ] as const)(
    "leaves a data disk alone that %s",
    async (_, contents, options, reason) => {
      const own = await temporaryDirectory();
      const foreign = await makeParts(own, parts.image);
      const disk = await open(join(own, "data.raw"), "r+");
      await disk.write(contents, 0, "latin1");
      await disk.close();
      await using machine = await BareMachine.boot(foreign, options);
      await expect(machine.marker("data")).rejects.toThrow(reason);
      await machine[Symbol.asyncDispose]();
      const first = createReadStream(join(own, "data.raw"), { end: 1 << 20 });
      const expected = Buffer.alloc((1 << 20) + 1);
      expected.write(contents, 0, "latin1");
      expect((await first.pipe(createHash("sha256")).toArray())[0]).toEqual(
        createHash("sha256").update(expected).digest(),
      );
    },
    SLOW_MS,
  );
});

const arm64 = await live({ needs: ["program:qemu-system-aarch64", "program:ssh", "network"] });

arm64("the image of Debian's packages for arm64", () => {
  test(
    "boots on QEMU's virt machine, answers SSH and powers off",
    async () => {
      const directory = await mkdtemp(join(tmpdir(), "mk-guest-live-"));
      try {
        const parts = await makeParts(directory, await build("arm64"));
        await using machine = await BareMachine.boot(parts);
        await machine.marker("ssh");
        expect(await machine.ssh("uname -m; sudo -n poweroff")).toMatchObject({ stdout: "aarch64\n" });
        await machine.exited;
        await writeFile(join(directory, "done"), "");
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
    SLOW_MS,
  );
});
