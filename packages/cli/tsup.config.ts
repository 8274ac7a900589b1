import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";
import packageJson from "./package.json" with { type: "json" };

export default defineConfig({
  ...base,
  entry: ["src/bin.ts", "src/index.ts"],
  // Only what nobody else brings along is bundled. Packages of mk stay packages, so that the CLI, the guest's builder and docker-machine's
  // protocol share one core; bundling it too saves nothing that can be measured.
  noExternal: ["cac"],
  define: { MK_VERSION: JSON.stringify(packageJson.version) },
});
