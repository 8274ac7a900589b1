import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@mk/testing";
import { describe, expect, it } from "vitest";
import { checkAnswers } from "./answers.js";
import { createDriver } from "./create-driver.js";

describe("checkAnswers", () => {
  it("fills in what follows from the name", () => {
    expect(checkAnswers({ driver: "frob" })).toEqual({
      driver: "frob",
      packageName: "mk-driver-frob",
      summary: "machines of frob",
      os: ["linux", "darwin"],
      author: "",
    });
  });

  it.each(["", "Frob", "1x", "a_b", "../x", "-x", "a".repeat(33), "__proto__"])(
    "refuses %j as the name of a driver",
    (driver) => {
      expect(() => checkAnswers({ driver })).toThrowError(/cannot name a driver/);
    },
  );

  it.each(["docker", "kvm2", "kvm", "qemu", "hyperkit"])("leaves the name %s to mk", (driver) => {
    expect(() => checkAnswers({ driver })).toThrowError(/mk's own/);
  });

  it.each(["frob", "driver-frob", "@you/driver-frob", "mk-driver-", "@You/mk-driver-frob"])(
    "refuses the package name %j, which discovery would not find",
    (packageName) => {
      expect(() => checkAnswers({ driver: "frob", packageName })).toThrowError(/would not find/);
    },
  );

  it("refuses an operating system that npm does not know", () => {
    expect(() => checkAnswers({ driver: "frob", os: ["linux", "plan9"] })).toThrowError(/plan9/);
    expect(() => checkAnswers({ driver: "frob", os: [] })).toThrowError(/choose among/);
  });
});

describe("createDriver", () => {
  it("writes every file of the template with all placeholders filled in", async () => {
    await using directory = await temporaryDirectory();
    const target = join(directory.path, "mk-driver-frob");
    const files = await createDriver(
      target,
      checkAnswers({ driver: "frob", summary: 'the "best" \\ machines', os: ["linux"] }),
    );
    expect([...files].sort()).toMatchInlineSnapshot(`
      [
        ".github/workflows/ci.yml",
        ".gitignore",
        "LICENSE",
        "README.md",
        "package.json",
        "src/config.ts",
        "src/driver.ts",
        "src/index.ts",
        "src/machine.ts",
        "src/options.ts",
        "src/status.ts",
        "test/conformance.test.ts",
        "tsconfig.json",
      ]
    `);
    for (const file of files) expect(await readFile(join(target, file), "utf8")).not.toMatch(/\{\{\w+\}\}/);
    const manifest = JSON.parse(await readFile(join(target, "package.json"), "utf8"));
    expect(manifest).toMatchObject({
      name: "mk-driver-frob",
      os: ["linux"],
      mk: { driver: "frob", api: 1 },
      description: 'mk driver: the "best" \\ machines',
    });
  });

  it("takes an empty directory, and leaves one that holds something as it is", async () => {
    await using directory = await temporaryDirectory();
    const empty = join(directory.path, "empty");
    await mkdir(empty);
    await createDriver(empty, checkAnswers({ driver: "frob" }));
    const filled = join(directory.path, "filled");
    await mkdir(filled);
    await writeFile(join(filled, "mine"), "x");
    await expect(createDriver(filled, checkAnswers({ driver: "frob" }))).rejects.toThrowError(/not empty/);
    await expect(createDriver(join(filled, "mine"), checkAnswers({ driver: "frob" }))).rejects.toThrowError(
      /is a file/,
    );
    expect(await readdir(filled)).toEqual(["mine"]);
    expect((await readdir(directory.path)).sort()).toEqual(["empty", "filled"]);
  });
});
