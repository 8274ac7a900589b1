import { execFile } from "node:child_process";
import { appendFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { createMk } from "@mk/core";
import { live, temporaryDirectory } from "@mk/testing";
import { expect, it } from "vitest";
import { fakeImages } from "./images.js";
import { processDriver } from "./process-driver/process-driver.js";

const run = promisify(execFile);
const suite = await live({ needs: ["linux", "root", "program:mount"] });

suite("a full disk", () => {
  it("is named, changes nothing that was there, and lets machines be stopped and deleted", async () => {
    await using directory = await temporaryDirectory("mk-full-");
    const home = directory.join("home");
    await mkdir(home);
    await run("mount", ["-t", "tmpfs", "-o", "size=640k", "mk-full-disk", home]);
    try {
      await using mk = createMk({ home, drivers: [processDriver()], images: fakeImages() });
      const machine = await mk.start({ name: "one" });
      const config = await readFile(`${home}/machines/one/config.json`, "utf8");
      await fill(`${home}/ballast`);

      await expect(mk.start({ name: "two" })).rejects.toMatchObject({ code: "NO_SPACE", hint: expect.any(String) });
      expect(await mk.list()).toMatchObject([{ name: "one", status: { state: "running" } }]);
      expect(await readFile(`${home}/machines/one/config.json`, "utf8")).toBe(config);
      await machine.stop();
      expect(await mk.list()).toMatchObject([{ name: "one", status: { state: "stopped" } }]);
      await machine.delete();
      expect(await mk.list()).toEqual([]);
      expect(await readdir(`${home}/machines`)).toEqual([]);

      await rm(`${home}/ballast`);
      await (await mk.start({ name: "two" })).delete();
    } finally {
      await run("umount", [home]);
    }
  });
});

/** Writes until not a byte more fits. */
async function fill(path: string): Promise<void> {
  for (const size of [4096, 1]) {
    for (;;) {
      const full = await appendFile(path, Buffer.alloc(size)).then(
        () => false,
        () => true,
      );
      if (full) break;
    }
  }
}
