import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { live, type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createHome } from "../src/store/home.js";
import { encodeMachineConfig } from "../src/store/machine-config.js";
import { createMachineStore } from "../src/store/machine-store.js";
import { bundle } from "./step-kill/bundle.js";
import { sampleConfig } from "./store-kill/sample-config.js";
import { tracedCalls, tracedWrite } from "./store-kill/traced-write.js";

/** What the writer calls that changes a file system or could fail. */
const CALLS = ["openat", "write", "pwrite64", "fsync", "rename", "close", "unlink"];
const OLD = encodeMachineConfig(sampleConfig("old"));
const NEW = encodeMachineConfig(sampleConfig("new"));
const suite = await live({ needs: ["linux", "program:strace"] });

suite("the writer of config.json", () => {
  let directory: TemporaryDirectory;
  let program: string;
  const counts = { kills: 0, faults: 0 };

  beforeAll(async () => {
    directory = await temporaryDirectory("mk-store-");
    program = await bundle(join(import.meta.dirname, "store-kill", "write-config.ts"), directory.path);
  });
  afterAll(async () => {
    await directory[Symbol.asyncDispose]();
    console.log(`store: ${counts.kills} kills at a system call and ${counts.faults} injected faults, all survived`);
  });

  /** Injects at the first call, the second, … until the program ends before the injection. */
  async function sweep(
    call: string,
    fault: string,
    check: (home: string, said: string | undefined) => Promise<void>,
  ): Promise<number> {
    for (let nth = 1; ; nth++) {
      const home = await temporaryDirectory("mk-store-home-");
      try {
        const { said, injected } = await tracedWrite(program, home.path, `${call}:${fault}:when=${nth}`);
        if (!injected) {
          expect(said).toBe("written");
          return nth - 1;
        }
        await check(home.path, said);
      } catch (cause) {
        throw new Error(`${call}:${fault}:when=${nth}`, { cause });
      } finally {
        await home[Symbol.asyncDispose]();
      }
    }
  }

  /** Both files are the old or the new, byte for byte, and the machine reads. */
  async function assertWhole(home: string): Promise<void> {
    for (const file of ["config.json", "config.json.last"]) {
      expect([OLD, NEW]).toContain(await readFile(join(home, "machines", "one", file), "utf8"));
    }
    expect(await createMachineStore(createHome(home)).read("one")).toMatchObject({ kind: "good" });
  }

  for (const call of CALLS) {
    it(`leaves the old file or the new one when killed at any ${call}`, async () => {
      counts.kills += await sweep(call, "signal=KILL", (home) => assertWhole(home));
    }, 240_000);
  }

  for (const [call, errno, code] of [
    ["openat", "EMFILE", "IO_FAILED"],
    ["write", "ENOSPC", "NO_SPACE"],
    ["write", "EIO", "IO_FAILED"],
    ["fsync", "EIO", "IO_FAILED"],
    ["rename", "EROFS", "IO_FAILED"],
    ["rename", "EACCES", "PERMISSION_DENIED"],
  ] as const) {
    it(`says ${code} and leaves a whole file when ${call} fails with ${errno}`, async () => {
      counts.faults += await sweep(call, `error=${errno}`, async (home, said) => {
        await assertWhole(home);
        // The fault may have met what reports, not what writes.
        if (said !== undefined && said !== "written") expect(JSON.parse(said)).toMatchObject({ code });
      });
    }, 240_000);
  }

  it("syncs the file before it gets its name and the directory after", async () => {
    const home = await temporaryDirectory("mk-store-home-");
    const calls = await tracedCalls(program, home.path, ["fsync", "rename"]);
    expect(calls).toEqual(["fsync", "rename", "fsync", "fsync", "rename", "fsync"]);
    await home[Symbol.asyncDispose]();
  });
});
