import { join } from "node:path";
import type { GuestArch } from "@mk/core";
import { live } from "@mk/testing";
import { afterAll, expect, test } from "vitest";
import { type FakeArchive, fakeArchive } from "../../test/fixtures/fake-archive.js";
import { recordedOperation } from "../../test/fixtures/operation.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { XzThreads } from "../deb/xz-threads.js";
import { httpClient } from "../download/http-client.js";
import { openArchive } from "./archive.js";
import type { Mirror } from "./mirrors.js";

const xz = new XzThreads();
afterAll(() => xz[Symbol.asyncDispose]());

const mirror = (archive: string): Mirror => ({ archive, security: [`${archive}-security`] });

// It is packed by xz.
const suite = await live({ needs: ["program:xz"] });

suite("an archive made by the test", () => {
  const open = async (
    mirrors: readonly Mirror[],
    archive: FakeArchive,
    { arch = "amd64", directory, now }: { arch?: GuestArch; directory?: string; now?: number } = {},
  ) =>
    openArchive(
      {
        mirrors,
        keyring: archive.key.publicKeyring,
        arch,
        get: httpClient({}),
        directory: directory ?? join(await temporaryDirectory(), "downloads"),
        now: now ?? archive.now,
        checkValidUntil: true,
        xz,
      },
      recordedOperation(),
    );

  test("passes over a mirror that does not answer and one that is tampered with", async () => {
    const [archive, tampered] = [await fakeArchive(), await fakeArchive()];
    const opened = await open(
      [mirror("http://127.0.0.1:9/debian"), mirror(tampered.mirror), mirror(archive.mirror)],
      archive,
    );
    expect(opened.mirror.archive).toBe(archive.mirror);
    expect(opened.release.version).toBe("13.7");
    const [url] = opened.urls(opened.index.find("docker.io")!);
    expect(url).toBe(`${archive.mirror}/pool/main/docker.io_1.0-1_amd64.deb`);
  });

  test("says that a mirror was tampered with rather than that another did not answer", async () => {
    const [archive, tampered] = [await fakeArchive(), await fakeArchive()];
    await expect(open([mirror("http://127.0.0.1:9/debian"), mirror(tampered.mirror)], archive)).rejects.toMatchObject({
      code: "INTEGRITY",
    });
  });

  test("names every mirror that is left for each package, so that one may die half way", async () => {
    const archive = await fakeArchive();
    const [gone, other] = ["http://127.0.0.1:9/debian", "http://127.0.0.1:9/other/debian"];
    const opened = await open([mirror(gone), mirror(archive.mirror), mirror(other)], archive);
    expect(opened.urls(opened.index.find("sudo")!)).toEqual(
      [archive.mirror, other].map((base) => `${base}/pool/main/sudo_1.0-1_amd64.deb`),
    );
  });

  test("takes no release that is older than the one the mirror had before, however well it is signed", async () => {
    const directory = join(await temporaryDirectory(), "downloads");
    const old = await fakeArchive({ date: "Wed, 14 Jan 2026 08:00:00 UTC", version: "13.6" });
    const current = await fakeArchive({ key: old.key });
    const files = new Map(current.files);
    await open([mirror(current.mirror)], current, { directory });
    for (const [path, bytes] of old.files) if (path.endsWith("/InRelease")) current.files.set(path, bytes);
    const replayed = await open([mirror(current.mirror)], current, { directory });
    expect(replayed.release.version).toBe("13.7");
    for (const [path, bytes] of files) current.files.set(path, bytes);
    expect((await open([mirror(current.mirror)], current, { directory })).release.version).toBe("13.7");
  });

  test("refuses releases that have expired, also one that it saw when it was good", async () => {
    const archive = await fakeArchive({ validUntil: "Thu, 15 Jan 2026 13:00:00 UTC" });
    const directory = join(await temporaryDirectory(), "downloads");
    await open([mirror(archive.mirror)], archive, { directory });
    const late = { directory, now: Date.parse("2026-01-15T14:00:00Z") };
    await expect(open([mirror(archive.mirror)], archive, late)).rejects.toMatchObject({ code: "INTEGRITY" });
    archive.files.clear();
    await expect(open([mirror(archive.mirror)], archive, late)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
  });

  test("never does without security updates", async () => {
    const archive = await fakeArchive();
    archive.files.delete("/debian-security/dists/stable-security/InRelease");
    await expect(open([mirror(archive.mirror)], archive)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
  });

  test("refuses an architecture that the archive does not have", async () => {
    const archive = await fakeArchive();
    await expect(open([mirror(archive.mirror)], archive, { arch: "arm64" })).rejects.toMatchObject({
      code: "INTEGRITY",
      message: "the release file of stable lists no packages for arm64",
    });
  });
});
