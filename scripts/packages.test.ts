import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly license?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly sideEffects?: boolean;
  readonly files?: readonly string[];
  readonly os?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly repository?: { readonly directory?: string };
  readonly mk?: { readonly driver: string; readonly api: number };
  readonly keywords?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL("../packages", import.meta.url));
const packages = readdirSync(root).map((folder) => ({
  folder,
  manifest: JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest,
}));
const published = packages.filter(({ manifest }) => !manifest.private);
const drivers = published.filter(({ folder }) => folder.startsWith("driver-"));

/** Whose installation compiles something, or that of what they depend on. */
const BUNDLED: Readonly<Record<string, readonly string[]>> = {
  "@mk/core": ["ssh2"],
  "@mk/driver-docker": ["docker-modem"],
};

/** What each package may depend on among ours: dependencies point one way. */
const MAY_DEPEND_ON: Readonly<Record<string, readonly string[]>> = {
  "@mk/core": [],
  "@mk/vm": ["@mk/core"],
  "@mk/guest": ["@mk/core"],
  "@mk/libmachine": ["@mk/core"],
  "@mk/conformance": ["@mk/core"],
  "@mk/cli": ["@mk/core", "@mk/guest", "@mk/libmachine"],
  "@mk/create-driver": [],
};
// A driver is written against the contract and what VM drivers share; its `docker-machine-driver-mk<name>` program also needs the plugin server.
const DRIVER_MAY_DEPEND_ON = ["@mk/core", "@mk/vm", "@mk/libmachine"];

function sourceFiles(folder: string, inside: string): readonly string[] {
  try {
    return readdirSync(join(root, folder, inside), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => join(root, folder, inside, file));
  } catch {
    return [];
  }
}

function imports(file: string): readonly string[] {
  const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  return [
    ...text.matchAll(
      /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm,
    ),
  ].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
}

const packageOf = (specifier: string) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

describe.each(published)("the manifest of $manifest.name", ({ folder, manifest }) => {
  it("is that of an ESM package for Node 20.19 and later, with no side effects and no install scripts", () => {
    expect(manifest).toMatchObject({
      type: "module",
      license: "Apache-2.0",
      engines: { node: ">=20.19" },
      sideEffects: false,
    });
    expect(Object.keys(manifest.scripts ?? {}).filter((script) => /install|prepare|prepublish/.test(script))).toEqual(
      [],
    );
  });

  it("ships what is built, its readme and its licence, and says where it lives", () => {
    expect(manifest.files).toEqual(expect.arrayContaining(["dist", "README.md", "LICENSE"]));
    expect(readdirSync(join(root, folder))).toEqual(expect.arrayContaining(["README.md", "LICENSE"]));
    expect(manifest.repository?.directory).toBe(`packages/${folder}`);
  });

  it("depends on no package of ours that it may not", () => {
    const allowed = folder.startsWith("driver-") ? DRIVER_MAY_DEPEND_ON : (MAY_DEPEND_ON[manifest.name] ?? []);
    const ours = Object.keys({
      ...manifest.dependencies,
      ...manifest.peerDependencies,
      ...manifest.optionalDependencies,
    }).filter((name) => name.startsWith("@mk/"));
    expect(ours.filter((name) => !allowed.includes(name))).toEqual([]);
  });

  it("declares every package that its sources import", () => {
    const declared = [
      manifest.name,
      ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }),
    ];
    // What a package bundles is a development dependency of it.
    if (manifest.name === "@mk/cli")
      declared.push(...Object.keys(manifest.devDependencies ?? {}).filter((name) => !name.startsWith("@mk/")));
    declared.push(...(BUNDLED[manifest.name] ?? []));
    const used = sourceFiles(folder, "src")
      .filter((file) => !file.endsWith(".test.ts"))
      .flatMap(imports)
      .filter(
        (specifier) =>
          !specifier.startsWith(".") && !specifier.startsWith("node:") && !builtinModules.includes(specifier),
      )
      .map(packageOf);
    expect([...new Set(used)].filter((name) => !declared.includes(name))).toEqual([]);
  });
});

describe.each(packages)("the sources of $manifest.name", ({ folder }) => {
  it("import no other package's insides", () => {
    // All benchmarks report in one way.
    const places = [join(root, folder), join(root, "../bench")];
    const isInside = (path: string) => places.some((place) => path.startsWith(place + sep));
    const foreign = ["src", "test", "bench"]
      .flatMap((inside) => sourceFiles(folder, inside))
      .flatMap((file) =>
        imports(file).filter(
          (specifier) =>
            /^@mk\/[^/]+\/(src|dist|test)\b/.test(specifier) ||
            (specifier.startsWith(".") && !isInside(join(dirname(file), specifier))),
        ),
      );
    expect(foreign).toEqual([]);
  });
});

describe.each(drivers)("the driver package $manifest.name", ({ folder, manifest }) => {
  it("declares its driver, its operating systems and core as a peer", () => {
    expect(manifest.mk).toMatchObject({ driver: folder.replace("driver-", ""), api: 1 });
    expect(manifest.os?.length).toBeGreaterThan(0);
    expect(manifest.keywords).toContain("mk-driver");
    expect(Object.keys(manifest.peerDependencies ?? {})).toContain("@mk/core");
    expect(Object.keys(manifest.dependencies ?? {})).not.toContain("@mk/core");
  });

  it("has the same rooms as every other driver", () => {
    const files = readdirSync(join(root, folder, "src"));
    expect(files).toEqual(
      expect.arrayContaining(["index.ts", "driver.ts", "options.ts", "config.ts", "machine.ts", "status.ts"]),
    );
  });

  it("touches the host only through what core lends it", () => {
    const used = sourceFiles(folder, "src")
      .filter((file) => !file.endsWith(".test.ts"))
      .flatMap((file) =>
        imports(file).filter((specifier) => /^(node:)?(fs|fs\/promises|child_process|os|process)$/.test(specifier)),
      );
    expect(used).toEqual([]);
    const direct = sourceFiles(folder, "src")
      .filter((file) => !file.endsWith(".test.ts"))
      .filter((file) =>
        /\bprocess\.(env|platform|arch|pid|cwd|kill)\b|\bDate\.now\(/.test(
          readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ""),
        ),
      );
    expect(direct).toEqual([]);
  });
});

describe("the names of packages", () => {
  it("leave driver-* to drivers, since discovery goes by it", () => {
    expect(
      packages
        .filter(({ folder, manifest }) => folder.startsWith("driver-") !== (manifest.mk !== undefined))
        .map(({ folder }) => folder),
    ).toEqual([]);
  });
});

describe("the lock file", () => {
  it("names no registry", () => {
    expect(readFileSync(join(root, "../pnpm-lock.yaml"), "utf8")).not.toMatch(/https?:\/\//);
  });
});
