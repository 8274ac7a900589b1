import { defineConfig } from "tsup";

// Tools for developers, run from the sources: nothing of them is published.
export default defineConfig({
  entry: { vectors: "test/vectors/main.ts" },
  outDir: "node_modules/.cache/tools",
  format: ["esm"],
  target: "node20",
  platform: "node",
  noExternal: [/^@mk\//],
  esbuildOptions(options) {
    options.conditions = ["@mk/source"];
  },
});
