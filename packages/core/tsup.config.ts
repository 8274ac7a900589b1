import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";
import { bundled } from "../../tsup.bundled.js";
import packageJson from "./package.json" with { type: "json" };

export default defineConfig({
  ...base,
  define: { MK_CORE_VERSION: JSON.stringify(packageJson.version) },
  // ssh2 compiles a faster cipher when it is installed; without it Node's own is used.
  esbuildPlugins: [bundled("ssh2", { without: ["cpu-features"] })],
});
