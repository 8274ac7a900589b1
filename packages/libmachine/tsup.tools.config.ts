import { defineConfig } from "tsup";

// Tools for developers, run from the sources: nothing of them is published.
export default defineConfig({
  entry: {
    vectors: "test/vectors/main.ts",
    bench: "bench/main.ts",
    "bench-plugin": "test/programs/pretend-plugin.ts",
  },
  outDir: "node_modules/.cache/tools",
  format: ["esm"],
  target: "node20",
  platform: "node",
  noExternal: [/^@mk\//],
  external: ["ssh2"],
  esbuildOptions(options) {
    options.conditions = ["@mk/source"];
  },
});
