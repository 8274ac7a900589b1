import { defineConfig } from "vitest/config";

// Tests run on the sources of every package; what must run as built (the CLI's processes) starts `dist` itself.
const conditions = ["@mk/source", "module", "node", "import", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "scripts/**/*.test.ts"],
          exclude: ["**/live*.test.ts", "**/node_modules/**", "**/dist/**", "**/template/**"],
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
