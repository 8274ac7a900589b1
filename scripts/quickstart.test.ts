import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("quickstart.sh", import.meta.url));

let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), "mk-quickstart-"));
  for (const program of ["bash", "dirname"]) {
    const { stdout } = spawnSync("which", [program], { encoding: "utf8" });
    symlinkSync(stdout.trim(), join(bin, program));
  }
  stub("dpkg-query", "printf installed");
});
afterEach(() => rmSync(bin, { recursive: true }));

/** A program that writes down how it was called. */
function stub(name: string, body: string): void {
  writeFileSync(join(bin, name), `#!/bin/bash\necho "${name} $*" >> "${bin}/calls"\n${body}\n`, { mode: 0o755 });
}

/** Runs the script with nothing but stubs in PATH. */
function quickstart(): { readonly status: number | null; readonly calls: readonly string[] } {
  const { status } = spawnSync("bash", [script], { env: { PATH: bin, PWD: process.cwd() } });
  return { status, calls: readFileSync(join(bin, "calls"), "utf8").split("\n") };
}

describe.runIf(process.platform === "linux")("quickstart.sh", () => {
  it("asks the machine's engine", () => {
    stub("pnpm", `[[ "$*" != *"mk env"* ]] || echo "export DOCKER_HOST='the machine'"`);
    stub("docker", `echo "asked: $DOCKER_HOST" >> "${bin}/calls"`);
    const { status, calls } = quickstart();
    expect(status).toBe(0);
    expect(calls).toEqual(expect.arrayContaining(["docker version", "asked: the machine"]));
  });

  it("fails where mk cannot say how to reach it, and asks no other", () => {
    stub("pnpm", `[[ "$*" != *"mk env"* ]]`);
    stub("docker", "");
    const { status, calls } = quickstart();
    expect(status).not.toBe(0);
    expect(calls).toContain("pnpm -s mk env");
    expect(calls).not.toContain("docker version");
  });

  it("installs pnpm as root where npm's own directory is not the user's", () => {
    stub("docker", "");
    stub("npm", `echo "${bin}/missing"`);
    stub("sudo", "");
    stub("id", "echo 1000");
    expect(quickstart().calls).toContainEqual(expect.stringMatching(/^sudo npm install --global pnpm@/));
  });

  it("installs pnpm without sudo for root, who may write where there is no directory yet", () => {
    stub("docker", "");
    stub("npm", `echo "${bin}/missing"`);
    stub("id", "echo 0");
    expect(quickstart().calls).toContainEqual(expect.stringMatching(/^npm install --global pnpm@/));
  });
});
