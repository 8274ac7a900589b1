import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "mk-release-"));
});
afterEach(() => rmSync(tree, { recursive: true }));

/** Versions that `changeset version` raises when the tree as it is has these changesets: from and to, by package. */
function releases(changes: Readonly<Record<string, "patch" | "minor" | "major">>): Readonly<Record<string, string>> {
  // Of a release only manifests count.
  for (const file of ["package.json", "pnpm-workspace.yaml"]) cpSync(join(root, file), join(tree, file));
  cpSync(join(root, ".changeset/config.json"), join(tree, ".changeset/config.json"));
  const folders = readdirSync(join(root, "packages"));
  for (const folder of folders) {
    mkdirSync(join(tree, "packages", folder), { recursive: true });
    cpSync(join(root, "packages", folder, "package.json"), join(tree, "packages", folder, "package.json"));
  }
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  const lines = Object.entries(changes).map(([name, type]) => `"${name}": ${type}`);
  writeFileSync(join(tree, ".changeset/change.md"), `---\n${lines.join("\n")}\n---\n\nA change.\n`);
  const git = (...args: readonly string[]) =>
    execFileSync("git", ["-c", "user.name=mk", "-c", "user.email=mk@localhost", ...args], { cwd: tree });
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=before");
  const versions = () =>
    folders.map((folder) => {
      const { name, version } = JSON.parse(readFileSync(join(tree, "packages", folder, "package.json"), "utf8"));
      return [name as string, version as string] as const;
    });
  const before = new Map(versions());
  execFileSync(join(root, "node_modules/.bin/changeset"), ["version"], { cwd: tree, stdio: "pipe" });
  return Object.fromEntries(
    versions()
      .filter(([name, version]) => before.get(name) !== version)
      .map(([name, version]) => [name, `${before.get(name)} → ${version}`]),
  );
}

describe("a release", () => {
  it("of a driver's patch raises that driver alone", () => {
    expect(releases({ "@mk/driver-qemu": "patch" })).toEqual({ "@mk/driver-qemu": "0.1.0 → 0.1.1" });
  });

  it("of core's minor raises what bundles core, and no driver", () => {
    expect(releases({ "@mk/core": "minor" })).toEqual({
      "@mk/cli": "0.1.0 → 0.1.1",
      "@mk/core": "0.1.0 → 0.2.0",
    });
  });

  it("of core's next major raises everything that is written against it", () => {
    expect(Object.keys(releases({ "@mk/core": "major" })).sort()).toEqual([
      "@mk/cli",
      "@mk/conformance",
      "@mk/core",
      "@mk/driver-docker",
      "@mk/driver-hyperkit",
      "@mk/driver-kvm2",
      "@mk/driver-qemu",
      "@mk/guest",
      "@mk/libmachine",
      "@mk/vm",
    ]);
  });
});
