import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

type Plugin = NonNullable<import("tsup").Options["esbuildPlugins"]>[number];

interface BundledInit {
  /** Modules that are used only where they are there, or never: nothing of them is taken. */
  readonly without: readonly string[];
}

/**
 * Puts a CommonJS package, and what it depends on, into a file of its own beside the bundle, to be loaded when it is imported. For those
 * whose installation runs scripts or compiles: half a minute of every `npm install --global`, for code that works without. Their licences
 * lie beside it.
 */
export function bundled(name: string, { without }: BundledInit): Plugin {
  return {
    name: `bundled-${name}`,
    setup(build) {
      const { outdir = "dist", absWorkingDir = process.cwd() } = build.initialOptions;
      const entry = createRequire(join(absWorkingDir, "package.json")).resolve(name);
      build.onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: `./${name}.cjs`, external: true }));
      build.onEnd(async () => {
        const outfile = join(absWorkingDir, outdir, `${name}.cjs`);
        const { metafile } = await build.esbuild.build({
          entryPoints: [entry],
          outfile,
          absWorkingDir,
          bundle: true,
          platform: "node",
          target: "node20",
          format: "cjs",
          external: ["*.node"],
          plugins: [emptied(without)],
          minifyWhitespace: true,
          metafile: true,
          logLevel: "error",
        });
        writeFileSync(`${outfile}.LICENSES.txt`, licencesOf(Object.keys(metafile.inputs), absWorkingDir));
      });
    },
  };
}

/** Modules without anything in them. */
function emptied(names: readonly string[]): Plugin {
  return {
    name: "emptied",
    setup(build) {
      build.onResolve({ filter: /^[^.]/ }, ({ path }) =>
        names.includes(path) ? { path, namespace: "emptied" } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: "emptied" }, () => ({ contents: "" }));
    },
  };
}

/** The licence of every package that a bundle holds something of. */
function licencesOf(files: readonly string[], directory: string): string {
  const real = files.filter((file) => !file.startsWith("emptied:"));
  const packages = new Set(real.map((file) => packageRoot(join(directory, file))));
  const texts = [...packages].map((root) => {
    const { name, version, license, author } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const file = readdirSync(root).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined && license === undefined) throw new Error(`${name} says nothing of a licence`);
    const text =
      file === undefined ? `${license}, by ${author?.name ?? author}` : readFileSync(join(root, file), "utf8");
    return `${name} ${version}\n\n${text.trim()}\n`;
  });
  return texts.sort().join(`\n${"-".repeat(80)}\n\n`);
}

function packageRoot(file: string): string {
  for (let at = dirname(file); at !== dirname(at); at = dirname(at)) {
    // Some packages have a package.json without a name in a folder of theirs.
    const manifest = join(at, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name !== undefined) return at;
  }
  throw new Error(`${file} is of no package`);
}
