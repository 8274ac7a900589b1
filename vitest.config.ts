import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Tests run on the sources of every package; what must run as built (the CLI's processes) starts `dist` itself.
const conditions = ["@mk/source", "module", "node", "import", "default"];

const include = ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "scripts/**/*.test.ts"];
const exclude = ["**/live*.test.ts", "**/node_modules/**", "**/dist/**", "**/template/**"];

// The same whatever Node runs it: what is said about the tree, and drivers on the scripted host, which is a computer of its own.
const onAnyNode = ["scripts/**", "packages/conformance/test/**", "packages/driver-*/test/conformance.test.ts"];

/** Those that take minutes, the longest first. */
const long = ["live-installers", "live-step-kill", "live-kill", "live-third-party", "guest/test/live"];

/** What is long begins first, so that no worker is left alone with it at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = long.findIndex((name) => moduleId.includes(name));
      return at < 0 ? long.length : at;
    };
    return (await super.sort(files)).sort((left, right) => place(left) - place(right));
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    sequence: { sequencer: LongestFirst },
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
          // A machine that boots waits for one core most of the time. More at once would only be slower, each for itself.
          maxWorkers: 2,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
