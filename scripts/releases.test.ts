import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

type Change = "patch" | "minor" | "major";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const folders = readdirSync(join(root, "packages"));

function manifests(at: string): readonly Manifest[] {
  return folders.map((folder) => JSON.parse(readFileSync(join(at, "packages", folder, "package.json"), "utf8")));
}

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "mk-release-"));
});
afterEach(() => rmSync(tree, { recursive: true }));

/** Makes `tree` what the repository is after a release with these changesets, and returns the versions it raises, by package. */
function release(changes: Readonly<Record<string, Change>>): Readonly<Record<string, string>> {
  // Of a release only manifests count.
  for (const file of ["package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", ".changeset/config.json"])
    cpSync(join(root, file), join(tree, file));
  for (const folder of folders) {
    mkdirSync(join(tree, "packages", folder), { recursive: true });
    cpSync(join(root, "packages", folder, "package.json"), join(tree, "packages", folder, "package.json"));
  }
  const lines = Object.entries(changes).map(([name, change]) => `"${name}": ${change}`);
  writeFileSync(join(tree, ".changeset/change.md"), `---\n${lines.join("\n")}\n---\n\nA change.\n`);
  const git = (...args: readonly string[]) =>
    execFileSync("git", ["-c", "user.name=mk", "-c", "user.email=mk@localhost", ...args], { cwd: tree });
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=before");
  execFileSync(process.execPath, [join(root, "scripts/version-packages.mjs")], { cwd: tree, stdio: "pipe" });
  const before = new Map(manifests(root).map(({ name, version }) => [name, version]));
  return Object.fromEntries(
    manifests(tree)
      .filter(({ name, version }) => before.get(name) !== version)
      .map(({ name, version }) => [name, version]),
  );
}

/** The version that a change makes of a package's present one. */
function next(name: string, change: Change): string {
  const version = manifests(root).find((manifest) => manifest.name === name)?.version ?? "";
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (change === "major") return `${major + 1}.0.0`;
  return change === "minor" ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}

/** What each package says of the core it works with. */
function coreRanges(at: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    manifests(at).flatMap(({ name, dependencies, peerDependencies }) => {
      const range = { ...dependencies, ...peerDependencies }["@mk/core"];
      return range === undefined ? [] : [[name, range]];
    }),
  );
}

describe("a release", () => {
  it("of a driver's patch raises that driver alone", () => {
    expect(release({ "@mk/driver-qemu": "patch" })).toEqual({ "@mk/driver-qemu": next("@mk/driver-qemu", "patch") });
  });

  it("of core's minor raises no package that has core as a peer", () => {
    const { "@mk/core": core, ...others } = release({ "@mk/core": "minor" });
    expect(core).toBe(next("@mk/core", "minor"));
    // The command depends on core by a caret, which ends at a minor before 1.0.
    expect(Object.keys(others).filter((name) => name !== "@mk/cli")).toEqual([]);
  });

  it("of core together with what is written against it leaves the range of core as it is", () => {
    release({ "@mk/core": "patch", "@mk/libmachine": "patch", "@mk/vm": "minor", "@mk/driver-qemu": "patch" });
    expect(coreRanges(tree)).toEqual(coreRanges(root));
  });

  it("of core's next major raises everything that is written against it, each for that major alone", () => {
    const core = next("@mk/core", "major");
    const peers = Object.keys(coreRanges(root)).filter((name) => name !== "@mk/cli");
    expect(release({ "@mk/core": "major" })).toEqual({
      "@mk/cli": expect.anything(),
      "@mk/core": core,
      ...Object.fromEntries(peers.map((name) => [name, next(name, "major")])),
    });
    const range = `workspace:>=${core} <${Number(core.split(".")[0]) + 1}.0.0`;
    expect(coreRanges(tree)).toEqual({
      "@mk/cli": "workspace:^",
      ...Object.fromEntries(peers.map((name) => [name, range])),
    });
  });

  it("leaves the lock file as `pnpm install --frozen-lockfile` takes it", () => {
    release({ "@mk/core": "major", "@mk/create-driver": "minor" });
    // On Windows pnpm is a script, which only a shell starts.
    const shell = process.platform === "win32";
    execFileSync("pnpm", ["install", "--frozen-lockfile", "--lockfile-only"], { cwd: tree, stdio: "pipe", shell });
  });
});
