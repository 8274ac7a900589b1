import { defineConfig } from "tsup";

export default defineConfig({
  entry: { "cold-start": "bench/cold-start.ts" },
  format: "esm",
  target: "node20",
  outDir: "node_modules/.cache/bench",
  external: [/^@mk\//],
  silent: true,
});
