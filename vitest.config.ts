import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Tests run on the sources of every package; what must run as built (the CLI's processes) starts `dist` itself.
const conditions = ["@mk/source", "module", "node", "import", "default"];

const include = ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "scripts/**/*.test.ts"];
const exclude = ["**/live*.test.ts", "**/node_modules/**", "**/dist/**", "**/template/**"];

// One more than there are cores: many tests wait for a process. vitest's own choice, one less than there are cores, leaves one idle.
const maxWorkers = availableParallelism() + 1;

/** Those that take minutes, the longest first. */
const long = [
  ...["live-installers", "driver-qemu/test/live.test", "driver-kvm2/test/live.test", "live-step-kill", "live-main-job"],
  ...["live-third-party", "guest/test/live", "live-kill", "live-session", "live-conformance", "live-qemu-plugin"],
  ...["test/bad-input", "test/create-mk", "test/build", "test/commands"],
];

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
          maxWorkers,
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
