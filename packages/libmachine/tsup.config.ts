import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

export default defineConfig({
  ...base,
  // The two programs are started by path: they stand beside the library.
  entry: { index: "src/index.ts", "isolated-child": "src/isolated/isolated-child.ts", keeper: "src/host/keeper.js" },
});
