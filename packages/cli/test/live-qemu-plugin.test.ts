import { execFile } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { live } from "@mk/testing";
import { afterAll, beforeAll, expect, it } from "vitest";

const suite = await live({ needs: ["qemu", "go", "program:ssh"] });
const run = promisify(execFile);

interface Answer {
  readonly call: string;
  readonly result?: unknown;
  readonly error?: string;
}

suite("docker-machine-driver-mkqemu, as it ships, under a host written in Go", () => {
  const plugin = fileURLToPath(new URL("../../driver-qemu/dist/plugin.js", import.meta.url));
  let directory: string;
  let host: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "mk-plugin-"));
    host = join(directory, "peer-host");
    const source = fileURLToPath(new URL("../../libmachine/test/go-peer", import.meta.url));
    await run("go", ["build", "-o", host, "./host"], { cwd: source });
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const calls = async (...words: readonly string[]): Promise<(call: string) => Answer | undefined> => {
    const { stdout } = await run(host, ["-plugin", plugin, "-name", "mkqemu", "GetVersion", ...words, "Close"], {
      env: { ...process.env, MK_HOME: process.env.MK_TEST_HOME ?? join(tmpdir(), "mk-home") },
    });
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Answer)
      .filter(({ call }) => call !== "stdout" && call !== "stderr");
    expect(answers.filter(({ error }) => error !== undefined)).toEqual([]);
    return (call) => answers.findLast((answer) => answer.call === call);
  };

  it("makes a machine with flags, tells how to reach it, stops, starts and removes it", async () => {
    const created = await calls(
      `SetConfigRaw=${JSON.stringify({ MachineName: "gq", StorePath: directory })}`,
      'SetConfigFromFlags={"mkqemu-memory":768,"mkqemu-cpus":1,"mkqemu-accelerator":"auto"}',
      ...["PreCreateCheck", "Create", "GetState", "GetURL", "GetSSHHostname", "GetSSHPort", "GetSSHUsername"],
      ...["GetSSHKeyPath", "GetConfigRaw"],
    );
    expect(created("GetState")?.result).toBe(1);
    expect(created("GetURL")?.result).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    const { stdout } = await run("ssh", [
      ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
      ...["-i", String(created("GetSSHKeyPath")?.result), "-p", String(created("GetSSHPort")?.result)],
      `${created("GetSSHUsername")?.result}@${created("GetSSHHostname")?.result}`,
      "hostname",
    ]);
    expect(stdout.trim()).toBe("gq");
    const configuration = `SetConfigRaw=${created("GetConfigRaw")?.result}`;
    expect((await calls(configuration, "Stop", "GetState"))("GetState")?.result).toBe(4);
    expect((await calls(configuration, "Start", "GetState"))("GetState")?.result).toBe(1);
    expect((await calls(configuration, "Remove", "GetState"))("GetState")?.result).toBe(0);
    await expect(access(join(directory, "machines", "gq", "mk", "machines", "gq"))).rejects.toThrow("ENOENT");
  }, 900_000);
});
