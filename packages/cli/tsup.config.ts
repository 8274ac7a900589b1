import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

export default defineConfig({
  ...base,
  // The manual's text and the commands are split off, so that each start loads only what it calls.
  entry: ["src/bin.ts", "src/index.ts"],
  // What is small and ours alone is part of the bundle. Packages of mk stay packages: drivers and the CLI then share one core.
  noExternal: ["cac"],
});
