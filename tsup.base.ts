import type { Options } from "tsup";

/** What every package's bundle has in common: ESM for Node 20, split so that commands load lazily. Declarations come from tsc. */
export const base: Options = {
  entry: ["src/index.ts"],
  format: ["esm"],
  target: "node20",
  platform: "node",
  splitting: true,
  clean: true,
  dts: false,
};
