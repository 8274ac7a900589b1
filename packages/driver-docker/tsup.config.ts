import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";
import { bundled } from "../../tsup.bundled.js";

export default defineConfig({
  ...base,
  entry: ["src/index.ts", "src/plugin.ts"],
  // It depends on ssh2, which is compiled when it is installed, for engines over ssh:// alone: those are reached by the host's own ssh here.
  esbuildPlugins: [bundled("docker-modem", { without: ["ssh2"] })],
});
