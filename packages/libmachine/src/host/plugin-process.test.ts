import { writeFile } from "node:fs/promises";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PluginProcess } from "./plugin-process.js";

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory("mk-plugin-process-");
});
afterEach(async () => {
  vi.restoreAllMocks();
  await directory[Symbol.asyncDispose]();
});

/** A plugin that hangs and heeds no TERM. */
async function hanging(platform: NodeJS.Platform): Promise<PluginProcess> {
  const path = directory.join("docker-machine-driver-hanging");
  await writeFile(path, "#!/bin/sh\ntrap '' TERM\nexec sleep 600\n", { mode: 0o755 });
  return await PluginProcess.start({ name: "hanging", path }, { env: process.env, platform });
}

/** As where there are no process groups, or where one cannot be killed. */
function refuseGroups(): void {
  const kill = process.kill.bind(process);
  vi.spyOn(process, "kill").mockImplementation((pid, signal) => {
    if (pid < 0) throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
    return kill(pid, signal);
  });
}

test("a plugin that hangs is ended on Windows, which has no process groups", async () => {
  refuseGroups();
  const plugin = await hanging("win32");
  await plugin.end(10);
  await plugin.exited;
});

test("a plugin that cannot be killed is not waited for without end", async () => {
  refuseGroups();
  const plugin = await hanging("linux");
  await plugin.end(10);
  expect(plugin.hasExited).toBe(false);
  process.kill(plugin.pid, "SIGKILL");
  await plugin.exited;
});
