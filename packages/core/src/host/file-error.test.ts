import { chmod, chown, mkdir } from "node:fs/promises";
import { temporaryDirectory } from "@mk/testing";
import { describe, expect, test } from "vitest";
import { createFiles } from "./files.js";

const NOBODY = 65534;
const files = createFiles(process.platform);

/** What an ordinary user is told who reads this file. */
async function asNobody(path: string): Promise<unknown> {
  process.seteuid?.(NOBODY);
  try {
    return await files.readText(path).catch((error: unknown) => error);
  } finally {
    process.seteuid?.(0);
  }
}

describe.runIf(process.geteuid?.() === 0)("a file that may not be read", () => {
  test("is taken back from root, with all else that root put below a directory of the user's", async () => {
    await using home = await temporaryDirectory();
    await mkdir(home.join(".mk", "machines", "it's"), { recursive: true });
    await chmod(home.join(".mk", "machines"), 0o700);
    await chown(home.path, NOBODY, NOBODY);
    expect(await asNobody(home.join(".mk", "machines", "it's", "config.json"))).toMatchObject({
      code: "PERMISSION_DENIED",
      hint: `Take back what belongs to root: sudo chown -R nobody '${home.join(".mk")}'`,
    });
    await chown(home.join(".mk"), NOBODY, NOBODY);
    await chown(home.join(".mk", "machines"), NOBODY, NOBODY);
    await chmod(home.join(".mk", "machines", "it's"), 0o700);
    expect(await asNobody(home.join(".mk", "machines", "it's", "config.json"))).toMatchObject({
      hint: `Take back what belongs to root: sudo chown -R nobody '${home.join(".mk", "machines", "it'\\''s")}'`,
    });
  });

  test("is left to another user, such as a container's", async () => {
    await using home = await temporaryDirectory();
    await mkdir(home.join("pgdata"), { mode: 0o700 });
    await chown(home.path, NOBODY, NOBODY);
    await chown(home.join("pgdata"), 999, 999);
    expect(await asNobody(home.join("pgdata", "file"))).toMatchObject({ code: "PERMISSION_DENIED", hint: undefined });
  });

  test("is left to the system where it is below no directory of the user's", async () => {
    await using place = await temporaryDirectory();
    expect(await asNobody(place.join("file"))).toMatchObject({ code: "PERMISSION_DENIED", hint: undefined });
  });
});
