import { createHash } from "node:crypto";
import { appendFile, chmod, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { acquireLock, createNodeHost } from "@mk/core";
import { buildImage, guestImages, imageInfo, listImages, removeImage } from "@mk/guest";
import { live } from "@mk/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type FakeArchive, fakeArchive } from "./fixtures/fake-archive.js";
import { httpServer, serveBytes } from "./fixtures/http-server.js";
import { recordedOperation } from "./fixtures/operation.js";
import { run } from "./fixtures/program.js";
import { temporaryDirectory } from "./fixtures/temporary-directory.js";

// The archive is packed by the one, and images are looked into by the other.
const suite = await live({ needs: ["program:xz", "program:tar"] });

const build = async (
  archive: FakeArchive,
  home: string,
  operation = recordedOperation(),
  env: Readonly<Record<string, string>> = {},
) =>
  buildImage(
    {
      home,
      arch: "amd64",
      mirror: archive.mirror,
      env,
      now: archive.now,
      keyring: archive.key.publicKeyring,
      aptDirectory: join(home, "no-apt"),
    },
    operation,
  );

const imagesOf = async (home: string): Promise<readonly string[]> => readdir(join(home, "cache/images"));

const flipByte = (bytes: Buffer, at: number): Buffer => {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1;
  return changed;
};

suite("an archive made by the test", () => {
  test("gives an image with kernel, initramfs, root, container tar and lock file", async () => {
    const home = await temporaryDirectory();
    const operation = recordedOperation();
    const image = await build(await fakeArchive(), home, operation);
    expect(image).toMatchObject({
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      arch: "amd64",
      debianVersion: "13.7",
    });
    expect(await readFile(image.kernel, "utf8")).toBe("kernel");
    const initramfs = await readFile(image.initramfs, "latin1");
    expect(initramfs).toContain("virtio_blk.ko\nlibcrc32c.ko\nerofs.ko\n");
    expect(initramfs).not.toContain("unwanted.ko");
    expect(operation.steps).toEqual(["image-resolve", "image-download", "image-unpack", "image-write"]);
    const last = operation.reports.filter(({ step }) => step === "image-download").at(-1);
    expect(last?.done).toBe(last?.total);
    const info = await imageInfo(home, image.digest);
    expect(info.packages).toContainEqual(
      expect.objectContaining({ name: "docker.io", version: "1.0-1", sha256: expect.any(String) }),
    );
    expect(await imagesOf(home)).toEqual([image.digest.slice("sha256:".length)]);
  });

  test("lays out the root: links, accounts, certificates, scripts, nothing unwanted", async () => {
    const home = await temporaryDirectory();
    const image = await build(await fakeArchive(), home);
    const list = run("tar", ["--list", "--verbose", "--numeric-owner", "--file", image.oci]).toString();
    expect(list).toMatch(/^l.* bin -> usr\/bin$/m);
    expect(list).toMatch(/^-rwsr-xr-x 0\/0 .* usr\/bin\/sudo$/m);
    expect(list).toMatch(/^l.* usr\/sbin\/init -> ..\/bin\/busybox$/m);
    expect(list).toMatch(/^-rwxr-xr-x 0\/0 .* usr\/lib\/mk\/boot$/m);
    expect(list).toMatch(/^-rw------- 0\/0 .* etc\/shadow$/m);
    expect(list).not.toMatch(/usr\/share\/doc|usr\/lib\/modules\/./);
    const file = (name: string): string =>
      run("tar", ["--extract", "--to-stdout", "--file", image.oci, name]).toString();
    expect(file("etc/ssl/certs/ca-certificates.crt")).toBe("A\nB\n");
    expect(file("etc/os-release")).toContain("ID=mk\n");
    // Nobody has a password, so nobody can log in with one.
    expect(
      file("etc/shadow")
        .trim()
        .split("\n")
        .map((line) => line.split(":")[1]),
    ).toEqual(["*", "*", "*", "*"]);
  });

  test("needs no program of the host", async () => {
    const archive = await fakeArchive();
    vi.stubEnv("PATH", "");
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await build(archive, await temporaryDirectory())).toMatchObject({ arch: "amd64" });
  });

  test("two builds have equal digests", async () => {
    const archive = await fakeArchive();
    const [first, second] = [
      await build(archive, await temporaryDirectory()),
      await build(archive, await temporaryDirectory()),
    ];
    expect(second.digest).toBe(first.digest);
  });

  test("a second build of an unchanged archive finds the image: it downloads and unpacks nothing", async () => {
    const archive = await fakeArchive();
    const home = await temporaryDirectory();
    const first = await build(archive, home);
    const before = archive.server.requests.length;
    const operation = recordedOperation();
    expect(await build(archive, home, operation)).toEqual(first);
    expect(operation.steps).toEqual(["image-resolve"]);
    expect(archive.server.requests.slice(before).filter((line) => line.includes(".deb"))).toEqual([]);
    expect(await imagesOf(home)).toHaveLength(1);
  });

  test("without a network, an image is built of what an earlier build downloaded", async () => {
    const archive = await fakeArchive();
    const home = await temporaryDirectory();
    const first = await build(archive, home);
    await removeImage(home, first.digest, []);
    const before = archive.server.requests.length;
    const nowhere = { http_proxy: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9" };
    expect(await build(archive, home, recordedOperation(), nowhere)).toEqual(first);
    expect(archive.server.requests).toHaveLength(before);
  });

  test("a mirror that dies half way is followed by the next one of apt's configuration", async () => {
    const [dying, good] = [await fakeArchive(), await fakeArchive()];
    const home = await temporaryDirectory();
    const aptDirectory = join(home, "apt");
    await mkdir(aptDirectory);
    const mirrors = [dying.mirror, good.mirror];
    const lines = mirrors.flatMap((uri) => [`deb ${uri} stable main`, `deb ${uri}-security stable-security main`]);
    await writeFile(join(aptDirectory, "sources.list"), lines.join("\n"));
    for (const path of dying.files.keys()) if (path.endsWith("sudo_1.0-1_amd64.deb")) dying.files.delete(path);
    const { now, key } = dying;
    const image = await buildImage(
      { home, arch: "amd64", env: {}, now, keyring: key.publicKeyring, aptDirectory },
      recordedOperation(),
    );
    expect((await imageInfo(home, image.digest)).packages).toContainEqual(expect.objectContaining({ name: "sudo" }));
  });

  test("every download goes through the proxy that the environment names", async () => {
    const archive = await fakeArchive();
    const asked: string[] = [];
    const proxy = await httpServer((request, response) => {
      asked.push(request.url ?? "");
      const body = archive.files.get(decodeURIComponent(new URL(request.url ?? "").pathname));
      if (body === undefined) response.writeHead(404).end();
      else serveBytes(body, request, response);
    });
    const home = await temporaryDirectory();
    const options = { home, arch: "amd64", now: archive.now, keyring: archive.key.publicKeyring } as const;
    const env = { http_proxy: proxy.url };
    // A name that only the proxy can know.
    await buildImage(
      { ...options, mirror: "http://mirror.invalid/debian", env, aptDirectory: join(home, "no-apt") },
      recordedOperation(),
    );
    expect(asked.length).toBeGreaterThan(20);
    for (const url of asked) expect(url).toMatch(/^http:\/\/mirror\.invalid\/debian/);
    expect(archive.server.requests).toEqual([]);
  });

  test.each<[string, (files: Map<string, Buffer>) => void]>([
    ["a tampered package", (files) => tamper(files, "docker.io_1.0-1")],
    ["a tampered index", (files) => tamper(files, "by-hash")],
    ["a tampered release", (files) => tamper(files, "stable/InRelease", 200)],
    [
      "the release of another suite",
      (files) =>
        files.set("/debian/dists/stable/InRelease", files.get("/debian-security/dists/stable-security/InRelease")!),
    ],
  ])("refuses %s and leaves no image", async (_, change) => {
    const archive = await fakeArchive();
    const home = await temporaryDirectory();
    change(archive.files);
    await expect(build(archive, home)).rejects.toMatchObject({
      code: "INTEGRITY",
      message: expect.stringContaining(`(the mirror is ${archive.mirror}, given by the option --mirror)`),
    });
    expect(await imagesOf(home)).toEqual([]);
  });

  test("refuses an archive that another key signed", async () => {
    const [archive, other] = [await fakeArchive(), await fakeArchive()];
    await expect(build({ ...archive, key: other.key }, await temporaryDirectory())).rejects.toMatchObject({
      code: "INTEGRITY",
    });
  });

  test("a build that is aborted leaves nothing but what it downloaded", async () => {
    const home = await temporaryDirectory();
    const aborter = new AbortController();
    const reason = new Error("Ctrl-C");
    const operation = recordedOperation(aborter.signal);
    const stopping = {
      ...operation,
      step: ((id, title, work) => {
        if (id === "image-unpack") aborter.abort(reason);
        return operation.step(id, title, work);
      }) satisfies typeof operation.step,
    };
    await expect(build(await fakeArchive(), home, stopping)).rejects.toBe(reason);
    expect(await imagesOf(home)).toEqual([]);
  });

  test("two builds at once take turns and come to the same image", async () => {
    const home = await temporaryDirectory();
    const archive = await fakeArchive();
    const [first, second] = await Promise.all([build(archive, home), build(archive, home)]);
    expect(second).toEqual(first);
    const packages = archive.server.requests.filter((line) => line.includes(".deb"));
    expect(new Set(packages).size).toBe(packages.length);
    expect(await imagesOf(home)).toHaveLength(1);
  });

  test("a build waits for another's, names its process, and reports as long as that gets on", async () => {
    const home = await temporaryDirectory();
    const archive = await fakeArchive();
    const images = join(home, "cache/images");
    await mkdir(images, { recursive: true });
    const { signal } = new AbortController();
    const { processes } = createNodeHost();
    const lock = await acquireLock(join(images, ".build.lock"), { processes, command: "", waitMs: 0, signal });
    const operation = recordedOperation();
    const building = build(archive, home, operation);
    await vi.waitUntil(() => operation.steps.includes("image-wait"), { timeout: 20_000 });
    expect(operation.titles).toEqual([`waiting for the image build of process ${process.pid}`]);
    await vi.waitUntil(
      async () => {
        await appendFile(join(images, "growing"), "more");
        return operation.reports.some(({ step, done }) => step === "image-wait" && done > 0);
      },
      { timeout: 20_000 },
    );
    await rm(join(images, "growing"));
    await lock.release();
    const { digest } = await building;
    expect(await imagesOf(home)).toEqual([digest.slice("sha256:".length)]);
  });

  test.each(["", "null", '{"id":"1","pro', JSON.stringify({ pid: 1, startTime: "", token: "1" })])(
    "is not held up by the lock %j that a power cut left",
    async (text) => {
      const home = await temporaryDirectory();
      await mkdir(join(home, "cache/images"), { recursive: true });
      await writeFile(join(home, "cache/images/.build.lock"), text);
      expect(await build(await fakeArchive(), home)).toMatchObject({ arch: "amd64" });
      expect(await readdir(join(home, "cache/images"))).toHaveLength(1);
    },
  );

  test("what a killed build left is removed by the next", async () => {
    const home = await temporaryDirectory();
    const archive = await fakeArchive();
    const image = await build(archive, home);
    await writeFile(join(home, "cache/images/.building-dead"), "left");
    await build(archive, home);
    expect(await imagesOf(home)).toEqual([image.digest.slice("sha256:".length)]);
  });
});

describe("a mirror that was named", () => {
  const from = async (mirror: string | undefined, env: Readonly<Record<string, string>> = {}) =>
    buildImage(
      { home: await temporaryDirectory(), arch: "amd64", mirror, env, aptDirectory: "/nowhere" },
      recordedOperation(),
    );

  test.each([
    ["the option --mirror", "http://127.0.0.1:9/one", {}],
    ["MK_DEBIAN_MIRROR", undefined, { MK_DEBIAN_MIRROR: "http://127.0.0.1:9/one" }],
  ])("is named with %s when it cannot be reached", async (givenBy, option, env) => {
    await expect(from(option, env)).rejects.toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringContaining(`(the mirror is http://127.0.0.1:9/one, given by ${givenBy})`),
      hint: `Check the address of the mirror and the network, or leave out ${givenBy}.`,
    });
  });

  test.each(["nonsense", "ftp://ftp.example/debian", "http://"])(
    "is refused when it is no address: %s",
    async (uri) => {
      await expect(from(uri)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: `"${uri}", given by the option --mirror, is not the address of a mirror`,
      });
    },
  );
});

suite("the cache", () => {
  test("finds an image by its digest and gives the newest of an architecture without building", async () => {
    const home = await temporaryDirectory();
    const image = await build(await fakeArchive(), home);
    const images = guestImages({ home, mirror: "http://mirror.invalid/debian" });
    expect(await images.find(image.digest)).toEqual(image);
    expect(await images.find(`sha256:${"0".repeat(64)}`)).toBeUndefined();
    expect(await images.ensure("amd64", recordedOperation())).toEqual(image);
  });

  test("takes an image that another version of mk built only without a network, and always finds it by its digest", async () => {
    const home = await temporaryDirectory();
    const image = await build(await fakeArchive(), home);
    const directory = dirname(image.root);
    const manifest = await readFile(join(directory, "manifest.json"), "utf8");
    const older = manifest.replace(/"recipe": "[0-9a-f]{8}/, '"recipe": "00000000');
    const digest = createHash("sha256").update(older).digest("hex");
    await writeFile(join(directory, "manifest.json"), older);
    await rename(directory, join(home, "cache/images", digest));
    const from = (mirror: string) => guestImages({ home, mirror, host: { env: {} } });
    // One that answers, but not with what Debian signed: the image would be built anew.
    const { mirror } = await fakeArchive();
    await expect(from(mirror).ensure("amd64", recordedOperation())).rejects.toMatchObject({ code: "INTEGRITY" });
    const found = { digest: `sha256:${digest}`, arch: "amd64" };
    expect(await from("http://127.0.0.1:9/debian").ensure("amd64", recordedOperation())).toMatchObject(found);
    expect(await from(mirror).find(found.digest)).toMatchObject(found);
  });

  test("notices a file that was changed since, even at the same size", async () => {
    const home = await temporaryDirectory();
    const image = await build(await fakeArchive(), home);
    await writeFile(image.kernel, "kernex");
    await utimes(image.kernel, 1, 1);
    await expect(guestImages({ home }).find(image.digest)).rejects.toMatchObject({ code: "INTEGRITY" });
    expect(await listImages(home)).toEqual([
      { digest: image.digest, problem: expect.objectContaining({ code: "INTEGRITY" }) },
    ]);
  });

  test("a file that was only copied is still good", async () => {
    const home = await temporaryDirectory();
    const image = await build(await fakeArchive(), home);
    await utimes(image.root, 1, 1);
    expect(await guestImages({ home }).find(image.digest)).toEqual(image);
    expect(await listImages(home)).toMatchObject([{ digest: image.digest, arch: "amd64" }]);
  });

  test("a damaged image is replaced by the next build", async () => {
    const home = await temporaryDirectory();
    const archive = await fakeArchive();
    const image = await build(archive, home);
    await rm(image.root);
    expect(await build(archive, home)).toEqual(image);
    expect(await guestImages({ home }).find(image.digest)).toEqual(image);
  });

  test("an image that a machine uses stays, another goes", async () => {
    const home = await temporaryDirectory();
    const { digest } = await build(await fakeArchive(), home);
    await expect(removeImage(home, digest, [digest])).rejects.toMatchObject({ code: "IMAGE_IN_USE" });
    await removeImage(home, digest, []);
    expect(await listImages(home)).toEqual([]);
    await expect(removeImage(home, digest, [])).rejects.toMatchObject({ code: "IMAGE_ABSENT" });
    await expect(imageInfo(home, digest)).rejects.toMatchObject({ code: "IMAGE_ABSENT" });
  });
});

test("a digest that is none is an invalid argument", async () => {
  await expect(removeImage(await temporaryDirectory(), "../../etc", [])).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
});

test("a home without images has none", async () => {
  expect(await listImages(await temporaryDirectory())).toEqual([]);
});

test("a home that cannot be written to is an error of this computer", async () => {
  const home = await temporaryDirectory();
  await writeFile(join(home, "cache"), "in the way");
  await chmod(join(home, "cache"), 0o400);
  await expect(
    build({ mirror: "http://mirror.invalid/debian", key: { publicKeyring: new Uint8Array() } } as FakeArchive, home),
  ).rejects.toThrow();
});

function tamper(files: Map<string, Buffer>, part: string, at = 1000): void {
  const name = [...files.keys()].find((path) => path.includes(part))!;
  const bytes = files.get(name)!;
  files.set(name, flipByte(bytes, Math.min(at, bytes.length - 30)));
}
