import { defineConfig } from "vitest/config";

// Tests run on the sources of every package; what must run as built (the CLI's processes) starts `dist` itself.
const conditions = ["@mk/source", "module", "node", "import", "default"];

const include = ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "scripts/**/*.test.ts"];
const exclude = ["**/live*.test.ts", "**/node_modules/**", "**/dist/**", "**/template/**"];

// The same whatever Node runs it: what is said about the tree, and drivers on the scripted host, which is a computer of its own.
const onAnyNode = ["scripts/**", "packages/conformance/test/**", "packages/driver-*/test/conformance.test.ts"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include,
          exclude,
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: "node",
          include,
          exclude: [...exclude, ...onAnyNode],
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: "live",
          include: ["packages/*/test/**/live*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**", "**/template/**"],
          // Real machines share two cores and one host inventory: one file at a time.
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
