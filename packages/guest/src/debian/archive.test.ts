import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fakeArchive } from "../../test/fixtures/fake-archive.js";
import { recordedOperation } from "../../test/fixtures/operation.js";
import { hasProgram } from "../../test/fixtures/program.js";
import { temporaryDirectory } from "../../test/fixtures/temporary-directory.js";
import { httpClient } from "../download/http-client.js";
import { openArchive } from "./archive.js";
import type { Mirror } from "./mirrors.js";

const mirror = (archive: string): Mirror => ({ archive, security: [`${archive}-security`], origin: "test" });

describe.skipIf(!hasProgram("xz"))("an archive made by the test (needs xz to pack it)", () => {
  const open = async (
    mirrors: readonly Mirror[],
    archive: Awaited<ReturnType<typeof fakeArchive>>,
    arch: "amd64" | "arm64" = "amd64",
  ) =>
    openArchive(
      {
        mirrors,
        keyring: archive.key.publicKeyring,
        arch,
        get: httpClient({}),
        directory: join(await temporaryDirectory(), "downloads"),
        now: archive.now,
        checkValidUntil: true,
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

  test("never does without security updates", async () => {
    const archive = await fakeArchive();
    archive.files.delete("/debian-security/dists/stable-security/InRelease");
    await expect(open([mirror(archive.mirror)], archive)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
  });

  test("refuses an architecture that the archive does not have", async () => {
    const archive = await fakeArchive();
    await expect(open([mirror(archive.mirror)], archive, "arm64")).rejects.toMatchObject({
      code: "INTEGRITY",
      message: "The release file of stable lists no packages for arm64.",
    });
  });
});
