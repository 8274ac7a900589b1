import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";
import { bundled } from "../../tsup.bundled.js";

export default defineConfig({
  ...base,
  // ssh2 compiles a faster cipher when it is installed; without it Node's own is used.
  esbuildPlugins: [bundled("ssh2", { without: ["cpu-features"] })],
});
