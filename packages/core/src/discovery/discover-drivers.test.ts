import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DiscoveryInput, discoverDrivers } from "./discover-drivers.js";

let place: TemporaryDirectory;

beforeEach(async () => {
  place = await temporaryDirectory();
});

afterEach(async () => {
  await place[Symbol.asyncDispose]();
});

interface PackageFiles {
  readonly name: string;
  readonly version?: string;
  readonly json?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** A driver whose code fails when it is run: discovery must never import it. */
async function write(
  directory: string,
  { name, version = "1.0.0", json = {}, files = {} }: PackageFiles,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  const driver = name.replace(/^.*driver-/, "");
  const manifest = { name, version, type: "module", mk: { driver, api: 1 }, exports: "./index.js", ...json };
  await writeFile(join(directory, "package.json"), JSON.stringify(manifest));
  for (const [path, text] of Object.entries({ "index.js": "throw new Error('code was run')", ...files })) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return directory;
}

/** The CLI's own bin file in a package of this directory. */
async function writeCli(directory: string): Promise<string> {
  await write(directory, { name: "@mk/cli", files: { "dist/bin.js": "" } });
  return join(directory, "dist", "bin.js");
}

async function link(target: string, path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path);
  return path;
}

function discover(input: Partial<DiscoveryInput> = {}) {
  const { found, skipped, roots } = discoverDrivers({
    home: place.join("home"),
    modulePath: place.join("elsewhere", "bin.js"),
    argv1: undefined,
    env: {},
    platform: "linux",
    arch: "x64",
    uid: process.getuid?.(),
    coreVersion: "1.5.0",
    ...input,
  });
  return { found, skipped, roots, names: found.map(({ name }) => name) };
}

describe("discovery finds drivers installed by", () => {
  it("npm i -g, yarn 1, bun and npx: siblings of the CLI in one node_modules, reached by a link in bin", async () => {
    const modules = place.join("lib", "node_modules");
    const bin = await writeCli(join(modules, "@mk", "cli"));
    await write(join(modules, "@mk", "driver-qemu"), { name: "@mk/driver-qemu" });
    await write(join(modules, "mk-driver-own"), { name: "mk-driver-own" });
    await write(join(modules, "@acme", "mk-driver-cloud"), { name: "@acme/mk-driver-cloud" });
    const argv1 = await link("../lib/node_modules/@mk/cli/dist/bin.js", place.join("bin", "mk"));
    expect(discover({ modulePath: bin, argv1 }).names).toEqual(["cloud", "own", "qemu"]);
  });

  it("npm link: siblings of the link, while the CLI's real path is the source tree", async () => {
    const source = place.join("source", "packages", "cli");
    const bin = await writeCli(source);
    const modules = place.join("lib", "node_modules");
    await link(source, join(modules, "@mk", "cli"));
    await write(join(modules, "@mk", "driver-qemu"), { name: "@mk/driver-qemu" });
    const argv1 = await link(join(modules, "@mk", "cli", "dist", "bin.js"), place.join("bin", "mk"));
    expect(discover({ modulePath: bin, argv1 }).names).toEqual(["qemu"]);
  });

  it("npm link of a driver: a linked directory", async () => {
    const modules = place.join("lib", "node_modules");
    const bin = await writeCli(join(modules, "@mk", "cli"));
    const real = await write(place.join("work", "driver"), { name: "mk-driver-own" });
    await link(real, join(modules, "mk-driver-own"));
    const { found } = discover({ modulePath: bin });
    expect(found[0]?.manifest?.directory).toBe(real);
  });

  it("pnpm 10: the node_modules beside the store", async () => {
    const global = place.join("pnpm", "global", "5");
    const bin = await writeCli(join(global, ".pnpm", "@mk+cli@1.0.0", "node_modules", "@mk", "cli"));
    const real = join(global, ".pnpm", "@mk+driver-qemu@1.0.0", "node_modules", "@mk", "driver-qemu");
    await write(real, { name: "@mk/driver-qemu" });
    await link(real, join(global, "node_modules", "@mk", "driver-qemu"));
    expect(discover({ modulePath: bin, argv1: bin }).names).toEqual(["qemu"]);
  });

  it("pnpm 11 and later: one directory for each install, code in the store, argv[1] the only clue", async () => {
    const home = place.join("pnpm");
    const stored = join(home, "store", "v11", "links", "@mk", "cli", "1.0.0", "abc", "node_modules", "@mk", "cli");
    const bin = await writeCli(stored);
    const cli = await link(stored, join(home, "global", "v11", "hash-of-cli", "node_modules", "@mk", "cli"));
    const driver = join(
      home,
      "store",
      "v11",
      "links",
      "@mk",
      "driver-qemu",
      "1.0.0",
      "def",
      "node_modules",
      "@mk",
      "driver-qemu",
    );
    await write(driver, { name: "@mk/driver-qemu" });
    await link(driver, join(home, "global", "v11", "hash-of-driver", "node_modules", "@mk", "driver-qemu"));
    expect(discover({ modulePath: bin, argv1: join(cli, "dist", "bin.js") }).names).toEqual(["qemu"]);
    expect(discover({ modulePath: bin }).names).toEqual([]);
  });

  it("Volta: an image for each package", async () => {
    const packages = place.join("volta", "tools", "image", "packages");
    const bin = await writeCli(join(packages, "@mk", "cli", "lib", "node_modules", "@mk", "cli"));
    await write(join(packages, "@mk", "driver-qemu", "lib", "node_modules", "@mk", "driver-qemu"), {
      name: "@mk/driver-qemu",
    });
    await write(join(packages, "mk-driver-own", "lib", "node_modules", "mk-driver-own"), { name: "mk-driver-own" });
    await write(join(packages, "@acme", "mk-driver-x", "lib", "node_modules", "@acme", "mk-driver-x"), {
      name: "@acme/mk-driver-x",
    });
    expect(discover({ modulePath: bin }).names).toEqual(["own", "qemu", "x"]);
  });

  it("mk driver add, MK_DRIVER_PATH and the user's config, packages as well as folders of packages", async () => {
    await write(place.join("home", "drivers", "node_modules", "mk-driver-added"), { name: "mk-driver-added" });
    const one = await write(place.join("one"), { name: "anything-goes", json: { mk: { driver: "direct", api: 1 } } });
    await write(place.join("many", "mk-driver-several"), { name: "mk-driver-several" });
    await write(place.join("configured", "mk-driver-set"), { name: "mk-driver-set" });
    const { names, skipped } = discover({
      env: { MK_DRIVER_PATH: [one, place.join("many"), "", "relative"].join(delimiter) },
      configured: [place.join("configured")],
    });
    expect(names).toEqual(["added", "direct", "set", "several"]);
    expect(skipped.map(({ name, origin, kind }) => [name, origin, kind])).toEqual([
      ["MK_DRIVER_PATH", "relative", "invalid"],
    ]);
  });
});

describe("discovery never looks", () => {
  it("in the working directory or NODE_PATH", async () => {
    await write(place.join("project", "node_modules", "@mk", "driver-evil"), { name: "@mk/driver-evil" });
    await write(place.join("path", "mk-driver-evil"), { name: "mk-driver-evil" });
    const before = process.cwd();
    process.chdir(place.join("project"));
    try {
      const { found, skipped, roots } = discover({
        env: { NODE_PATH: place.join("path"), MK_DRIVER_PATH: "node_modules" },
      });
      expect([...found, ...skipped].map(({ name }) => name)).toEqual(["MK_DRIVER_PATH"]);
      expect(roots.some(({ directory }) => directory.startsWith(place.join("project")))).toBe(false);
    } finally {
      process.chdir(before);
    }
  });

  it("for programs in empty or relative entries of PATH", async () => {
    await mkdir(place.join("bin"));
    await writeFile(place.join("bin", "docker-machine-driver-evil"), "", { mode: 0o755 });
    const before = process.cwd();
    process.chdir(place.join("bin"));
    try {
      const external = () => {
        throw new Error("found");
      };
      for (const path of [".", "", `${delimiter}/nowhere`, "./", "../bin"]) discover({ env: { PATH: path }, external });
    } finally {
      process.chdir(before);
    }
  });
});

it("holds packages against this process and this copy of core where it is told nothing else", async () => {
  const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  const json = { os: [process.platform], cpu: [process.arch], peerDependencies: { "@mk/core": version } };
  const modules = place.join("home", "drivers", "node_modules");
  await write(join(modules, "mk-driver-x"), { name: "mk-driver-x", json });
  await write(join(modules, "mk-driver-y"), { name: "mk-driver-y" });
  await chmod(join(modules, "mk-driver-y"), 0o777);
  const { found, skipped } = discoverDrivers({ home: place.join("home"), modulePath: place.join("x.js"), env: {} });
  expect(found.map(({ name }) => name)).toEqual(["x"]);
  expect(skipped).toMatchObject([{ name: "y", kind: "untrusted" }]);
});

it("finds a driver that brings a copy of an older core", async () => {
  await write(place.join("home", "drivers", "node_modules", "mk-driver-x"), {
    name: "mk-driver-x",
    json: { dependencies: { "@mk/core": "~1.2.0" } },
  });
  expect(discover().names).toEqual(["x"]);
});

describe("discovery skips with a reason", () => {
  const skip = async (files: PackageFiles, directoryName = files.name) => {
    await write(place.join("home", "drivers", "node_modules", directoryName), files);
    const { found, skipped } = discover();
    expect(found).toEqual([]);
    return skipped[0];
  };

  it.each([
    ["another system", { os: ["darwin"] }, "unsupported", "needs darwin, this is linux"],
    ["another system, negated", { os: ["!linux"] }, "unsupported", "does not run on linux, this is linux"],
    ["another processor", { cpu: "arm64" }, "unsupported", "needs arm64, this is x64"],
    ["a newer contract", { mk: { driver: "x", api: 2 } }, "unsupported", /version 2 of the driver contract/],
    [
      "another core",
      { peerDependencies: { "@mk/core": "^2.0.0" } },
      "unsupported",
      "needs @mk/core ^2.0.0, this is 1.5.0",
    ],
    [
      "a copy of a newer core",
      { dependencies: { "@mk/core": "^1.6.0" } },
      "unsupported",
      "needs @mk/core ^1.6.0, this is 1.5.0",
    ],
    ["a core range that is none", { peerDependencies: { "@mk/core": "new" } }, "invalid", /cannot be read/],
    ["no mk field", { mk: undefined }, "invalid", /no "mk" field/],
    ["a name that breaks the rule", { mk: { driver: "../x", api: 1 } }, "invalid", /not a driver name/],
    ["a contract that is no number", { mk: { driver: "x", api: "1" } }, "invalid", /not a number/],
    ["aliases that are none", { mk: { driver: "x", api: 1, aliases: ["A"] } }, "invalid", /aliases/],
    ["a first-party name", { mk: { driver: "qemu", api: 1 } }, "invalid", "the name qemu belongs to @mk/driver-qemu"],
    [
      "a first-party alias",
      { mk: { driver: "x", api: 1, aliases: ["kvm"] } },
      "invalid",
      /belongs to @mk\/driver-kvm2/,
    ],
    ["another package's name", { name: "@mk/driver-qemu" }, "invalid", /claims to be "@mk\/driver-qemu"/],
    ["no version", { version: undefined }, "invalid", /no name or version/],
    ["no main module", { exports: "./absent.js" }, "invalid", /main module/],
    ["a main module above the package", { exports: "../outside.js" }, "invalid", /lies outside the package/],
    ["exports without a way to import it", { exports: { require: "./index.js" } }, "invalid", /main module/],
  ])("a package with %s", async (_, json, kind, reason) => {
    await mkdir(place.join("home", "drivers", "node_modules"), { recursive: true });
    await writeFile(place.join("home", "drivers", "node_modules", "outside.js"), "");
    const skipped = await skip({ name: "mk-driver-x", json });
    expect(skipped).toMatchObject({ kind, reason: reason instanceof RegExp ? expect.stringMatching(reason) : reason });
  });

  it("a manifest that is not JSON, no object, too large, or not a file", async () => {
    const directory = place.join("home", "drivers", "node_modules", "mk-driver-x");
    const reasonFor = async (text: string) => {
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, "package.json"), text);
      return discover().skipped[0]?.reason;
    };
    expect(await reasonFor("{")).toMatch(/not a JSON object/);
    expect(await reasonFor("[]")).toMatch(/not a JSON object/);
    expect(await reasonFor(`{"x":"${"a".repeat(256 * 1024)}"}`)).toMatch(/larger than 256 KB/);
    await mkdir(place.join("home", "drivers", "node_modules", "mk-driver-y", "package.json"), { recursive: true });
    expect(discover().skipped.at(-1)?.reason).toMatch(/not a file/);
  });

  it("a link that leads nowhere", async () => {
    await link(place.join("gone"), place.join("home", "drivers", "node_modules", "mk-driver-x"));
    expect(discover().skipped[0]).toMatchObject({
      name: "x",
      kind: "invalid",
      reason: "it is a link that leads nowhere",
    });
  });

  it("a package that cannot be looked into, and finds the others", async () => {
    const modules = place.join("home", "drivers", "node_modules");
    // As where root installed it with umask 077, but for root as well.
    const manifest = join(modules, "mk-driver-x", "package.json");
    await link(manifest, manifest);
    await write(join(modules, "mk-driver-y"), { name: "mk-driver-y" });
    const { names, skipped } = discover();
    expect(names).toEqual(["y"]);
    expect(skipped).toMatchObject([{ name: "x", kind: "untrusted", reason: `${manifest} cannot be read: ELOOP` }]);
  });

  it("a main module that is a link out of the package", async () => {
    await writeFile(place.join("outside.js"), "");
    const directory = place.join("home", "drivers", "node_modules", "mk-driver-x");
    await write(directory, { name: "mk-driver-x", json: { exports: "./linked.js" } });
    await symlink(place.join("outside.js"), join(directory, "linked.js"));
    expect(discover().skipped[0]?.reason).toMatch(/lies outside the package/);
  });

  it.each(["", "package.json", "index.js"])("a package whose %j others may write to", async (path) => {
    const directory = place.join("home", "drivers", "node_modules", "mk-driver-x");
    await write(directory, { name: "mk-driver-x" });
    await chmod(join(directory, path), path === "" ? 0o777 : 0o666);
    expect(discover().skipped[0]).toMatchObject({
      kind: "untrusted",
      reason: expect.stringMatching(/writable for everybody/),
    });
  });

  it("packages of a folder that others may write to, within a scope or not, with the command that mends it", async () => {
    const modules = place.join("home", "drivers", "node_modules");
    const names = ["@you/mk-driver-x", "mk-driver-y"];
    for (const name of names) await write(join(modules, name), { name });
    await chmod(modules, 0o777);
    const { found, skipped } = discover();
    expect(found).toEqual([]);
    expect(skipped).toMatchObject(
      names.map((name) => ({
        kind: "untrusted",
        reason: `${modules} is writable for everybody`,
        fix: `Run \`chmod go-w ${modules}\` or \`mk driver add ${name}\`.`,
      })),
    );
  });

  it("a package of another user, and as root a package of a user", async () => {
    await write(place.join("home", "drivers", "node_modules", "mk-driver-x"), { name: "mk-driver-x" });
    const uid = process.getuid?.() ?? 0;
    const other = discover({ uid: uid + 1 });
    // Root's packages are trusted by everybody; a user's by that user alone.
    if (uid === 0) expect(other.names).toEqual(["x"]);
    else expect(discover({ uid: 0 }).skipped[0]).toMatchObject({ kind: "untrusted" });
  });

  it("a program that others may write to", async () => {
    await mkdir(place.join("bin"));
    await writeFile(place.join("bin", "docker-machine-driver-x"), "");
    await chmod(place.join("bin", "docker-machine-driver-x"), 0o777);
    const external = () => {
      throw new Error("used");
    };
    const { skipped } = discover({ env: { PATH: place.join("bin") }, external });
    expect(skipped[0]).toMatchObject({ name: "x", kind: "untrusted" });
  });
});

describe("names found twice", () => {
  it("belong to the first root, and the other copy is reported", async () => {
    await write(place.join("first", "mk-driver-x"), { name: "mk-driver-x", version: "1.0.0" });
    await write(place.join("home", "drivers", "node_modules", "mk-driver-x"), {
      name: "mk-driver-x",
      version: "2.0.0",
    });
    const { found, skipped } = discover({ env: { MK_DRIVER_PATH: place.join("first") } });
    expect(found.map(({ origin }) => origin)).toEqual(["mk-driver-x@1.0.0"]);
    expect(skipped).toMatchObject([
      { name: "x", kind: "shadowed", origin: expect.stringContaining("mk-driver-x@2.0.0") },
    ]);
  });

  it("are one driver when both paths lead to the same directory", async () => {
    const real = await write(place.join("first", "mk-driver-x"), { name: "mk-driver-x" });
    await link(real, place.join("home", "drivers", "node_modules", "mk-driver-x"));
    const { found, skipped } = discover({ env: { MK_DRIVER_PATH: place.join("first") } });
    expect([found.length, skipped]).toEqual([1, []]);
  });

  it("leave an alias with its first owner", async () => {
    const modules = place.join("home", "drivers", "node_modules");
    await write(join(modules, "mk-driver-a"), {
      name: "mk-driver-a",
      json: { mk: { driver: "a", api: 1, aliases: ["both"] } },
    });
    await write(join(modules, "mk-driver-b"), {
      name: "mk-driver-b",
      json: { mk: { driver: "b", api: 1, aliases: ["both", "own"] } },
    });
    const { found, skipped } = discover();
    expect(found.map(({ aliases }) => aliases)).toEqual([["both"], ["own"]]);
    expect(skipped).toMatchObject([{ name: "both", kind: "shadowed" }]);
  });
});

describe("docker-machine drivers", () => {
  it("are the executables of absolute PATH entries, the first of each name, below packages", async () => {
    for (const [directory, name, mode] of [
      ["a", "docker-machine-driver-kvm2", 0o755],
      ["a", "docker-machine-driver-own", 0o755],
      ["b", "docker-machine-driver-kvm2", 0o755],
      ["b", "docker-machine-driver-plain", 0o644],
      ["b", "docker-machine-driver-Odd", 0o755],
    ] as const) {
      await mkdir(place.join(directory), { recursive: true });
      await writeFile(place.join(directory, name), "", { mode });
    }
    await write(place.join("home", "drivers", "node_modules", "mk-driver-own"), { name: "mk-driver-own" });
    const { found, skipped } = discover({
      env: { PATH: [place.join("a"), place.join("b")].join(delimiter) },
      external: ({ name, path }) => ({
        name,
        aliases: [],
        builtin: false,
        origin: path,
        load: async () => Promise.reject(),
      }),
    });
    expect(found.map(({ name, origin }) => [name, origin])).toEqual([
      ["kvm2", place.join("a", "docker-machine-driver-kvm2")],
      ["own", "mk-driver-own@1.0.0"],
    ]);
    expect(skipped).toMatchObject([{ name: "own", kind: "shadowed" }]);
  });
});

describe("the module that is loaded", () => {
  it.each([
    ["a text", { exports: "./index.js" }],
    ["conditions", { exports: { types: "./x.d.ts", import: "./index.js" } }],
    [
      "nested conditions",
      { exports: { ".": { "@mk/source": "./src.ts", node: { import: "./index.js" } }, "./x": "./y.js" } },
    ],
    ["a list", { exports: { ".": [{ require: "./x.cjs" }, "./index.js"] } }],
    ["main", { exports: undefined, main: "index.js" }],
    ["nothing", { exports: undefined }],
  ])("is found by %s", async (_, json) => {
    const directory = await write(place.join("home", "drivers", "node_modules", "mk-driver-x"), {
      name: "mk-driver-x",
      json,
    });
    expect(discover().found[0]?.manifest?.entry).toBe(join(directory, "index.js"));
  });

  it("is imported when the driver is loaded, not before", async () => {
    await write(place.join("home", "drivers", "node_modules", "mk-driver-x"), { name: "mk-driver-x" });
    const { found } = discover();
    await expect(found[0]?.load(new AbortController().signal)).rejects.toMatchObject({
      code: "DRIVER_INVALID",
      message: expect.stringContaining("code was run"),
    });
  });
});
