import { expect, test } from "vitest";
import { archiveKey, inRelease } from "../../test/fixtures/archive-key.js";
import { readArchiveKeyring } from "../assets.js";
import { verifyRelease } from "./in-release.js";

const now = Date.parse("2026-01-15T12:00:00Z");
const key = await archiveKey();
const options = { keyring: key.publicKeyring, url: "http://m.example/InRelease", now, checkValidUntil: true };

const release = (fields: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    Origin: "Debian",
    Suite: "stable",
    Codename: "trixie",
    Version: "13.7",
    Date: "Thu, 15 Jan 2026 08:00:00 UTC",
    "Acquire-By-Hash": "yes",
    SHA256: `\n ${"ab".repeat(32)} 123 main/binary-amd64/Packages.xz`,
    ...fields,
  })
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");

test("reads a release that a key of the archive signed", async () => {
  const verified = await verifyRelease(await inRelease(release(), key), options);
  expect(verified).toMatchObject({ suite: "stable", codename: "trixie", version: "13.7", acquireByHash: true });
  expect(verified.files.get("main/binary-amd64/Packages.xz")).toEqual({ sha256: "ab".repeat(32), size: 123 });
});

test("believes nothing that stands around the signed text", async () => {
  const signed = await inRelease(release(), key);
  const verified = await verifyRelease(`Version: 99\n${signed}\nVersion: 98\n`, options).catch(
    (error: unknown) => error,
  );
  expect(verified instanceof Error || (verified as { version: string }).version === "13.7").toBe(true);
});

test.each([
  ["a changed text", (text: string) => text.replace("13.7", "13.8")],
  ["an added line", (text: string) => text.replace("Origin: Debian", "Origin: Debian\nVersion: 14")],
  ["a cut signature", (text: string) => text.replace(/\n[A-Za-z0-9+/]{20,}=*\n/, "\n")],
  ["no signature", (text: string) => text.slice(0, text.indexOf("-----BEGIN PGP SIGNATURE"))],
  ["a page of a captive portal", () => "<html>log in</html>"],
  ["nothing", () => ""],
])("refuses %s", async (_, tamper) => {
  const signed = await inRelease(release(), key);
  await expect(verifyRelease(tamper(signed), options)).rejects.toMatchObject({ code: "INTEGRITY" });
});

test("refuses a good signature by someone else", async () => {
  const other = await archiveKey();
  await expect(verifyRelease(await inRelease(release(), other), options)).rejects.toMatchObject({
    code: "INTEGRITY",
    message: "http://m.example/InRelease has no good signature by a key of Debian's archive",
  });
});

test("refuses what was signed by a key that has expired since", async () => {
  const expired = await archiveKey({ expires: new Date("2026-01-15T10:00:00Z") });
  const signed = await inRelease(release(), expired);
  const ring = { ...options, keyring: expired.publicKeyring };
  await expect(verifyRelease(signed, { ...ring, now: Date.parse("2026-01-15T09:00:00Z") })).resolves.toBeDefined();
  await expect(verifyRelease(signed, ring)).rejects.toMatchObject({
    code: "INTEGRITY",
    message: "http://m.example/InRelease has no good signature by a key of Debian's archive",
  });
});

test("refuses a release from the future, and says what to do", async () => {
  const signed = await inRelease(release({ Date: "Fri, 16 Jan 2026 08:00:00 UTC" }), key);
  await expect(verifyRelease(signed, options)).rejects.toMatchObject({
    code: "INTEGRITY",
    hint: "Set this computer's clock.",
  });
});

test("refuses a release that is no longer valid, unless the host's administrator switched that off", async () => {
  const signed = await inRelease(release({ "Valid-Until": "Thu, 15 Jan 2026 11:59:00 UTC" }), key);
  await expect(verifyRelease(signed, options)).rejects.toMatchObject({ code: "INTEGRITY" });
  await expect(verifyRelease(signed, { ...options, checkValidUntil: false })).resolves.toBeDefined();
});

test("carries Debian's own keys", async () => {
  const signed = await inRelease(release(), key);
  // A ring that could not be read would fail otherwise.
  await expect(verifyRelease(signed, { ...options, keyring: await readArchiveKeyring() })).rejects.toMatchObject({
    message: "http://m.example/InRelease has no good signature by a key of Debian's archive",
  });
});
