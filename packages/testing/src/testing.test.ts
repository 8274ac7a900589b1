import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import { hostInventory, inventoryDifference } from "./host-inventory.js";
import { requireTool } from "./live.js";
import { shareOut } from "./share-out.js";
import { temporaryDirectory } from "./temporary-directory.js";
import { whyMissing } from "./tool.js";
import { until } from "./until.js";

test("a temporary directory vanishes with all that is in it, unreadable directories too", async () => {
  const directory = await temporaryDirectory();
  await mkdir(directory.join("a", "b"), { recursive: true });
  await writeFile(directory.join("a", "b", "c"), "x");
  await chmod(directory.join("a", "b"), 0o000);
  await chmod(directory.join("a"), 0o000);
  await directory[Symbol.asyncDispose]();
  await expect(stat(directory.path)).rejects.toMatchObject({ code: "ENOENT" });
});

test("until answers the value of the condition", async () => {
  const answers = [undefined, false, "", "done"];
  expect(await until("it is done", () => answers.shift())).toBe("done");
});

test("until names what it waited for", async () => {
  await expect(until("pigs fly", () => false, AbortSignal.abort())).rejects.toThrow("pigs fly");
});

test("work is shared out among workers, in order, each doing one thing at a time", async () => {
  const busy = new Set<string>();
  const done: number[] = [];
  await shareOut(["a", "b"], [0, 1, 2, 3, 4], async (worker, item) => {
    expect(busy).not.toContain(worker);
    busy.add(worker);
    await new Promise((resolve) => setImmediate(resolve));
    done.push(item);
    busy.delete(worker);
  });
  expect(done.sort()).toEqual([0, 1, 2, 3, 4]);
});

test("no more work is begun once some has failed", async () => {
  const begun: number[] = [];
  const sharing = shareOut(["a", "b"], [0, 1, 2, 3, 4], async (_, item) => {
    begun.push(item);
    throw new Error(`failed at ${item}`);
  });
  await expect(sharing).rejects.toThrow("failed at 0");
  expect(begun).toEqual([0, 1]);
});

test("a missing program is missing for a reason", async () => {
  expect(await whyMissing("program:mk-no-such-program")).toBe("mk-no-such-program is not installed");
  expect(await whyMissing("program:node")).toBeUndefined();
});

test.runIf(process.platform === "linux")(
  "a program for root alone is found where an ordinary PATH has it not",
  async () => {
    vi.stubEnv("PATH", "/usr/bin:/bin");
    expect(await whyMissing("program:ldconfig")).toBeUndefined();
    vi.unstubAllEnvs();
  },
);

test("a missing program is a failure in CI on Linux, which has to bring it, and a reason to skip elsewhere", async () => {
  vi.stubEnv("CI", "true");
  const required = requireTool("program:mk-no-such-program");
  if (process.platform === "linux") await expect(required).rejects.toThrow("mk-no-such-program is not installed");
  else expect(await required).toBe("mk-no-such-program is not installed");
  vi.stubEnv("CI", "");
  expect(await requireTool("program:mk-no-such-program")).toBe("mk-no-such-program is not installed");
  vi.unstubAllEnvs();
});

test("the network is the mirror that this computer names", async () => {
  vi.stubEnv("MK_DEBIAN_MIRROR", "http://127.0.0.1:9/debian/");
  expect(await whyMissing("network")).toBe("http://127.0.0.1:9/debian/dists/stable/InRelease does not answer");
  vi.unstubAllEnvs();
});

test.runIf(process.platform === "linux")("the inventory finds a process, its socket and a file", async () => {
  await using directory = await temporaryDirectory();
  const scope = { mentions: [directory.path], directories: [directory.path] };
  const before = await hostInventory(scope);
  const socket = directory.join("s");
  const script = `require("net").createServer().listen(${JSON.stringify(socket)}, () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const { added, removed } = inventoryDifference(before, await hostInventory(scope));
  expect(removed).toEqual([]);
  expect(added).toEqual([
    expect.stringContaining(`file ${socket}`),
    expect.stringContaining(`process ${child.pid} `),
    `socket u_str ${socket} of ${child.pid}`,
  ]);
  child.kill("SIGKILL");
  await once(child, "exit");
});
