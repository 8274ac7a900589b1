import { describe, test } from "vitest";
import { type Tool, whyMissing } from "./tool.js";

export type Suite = (title: string, body: () => void) => void;

/**
 * `describe` for suites that need real tools: `const suite = await live({ needs: ["qemu"] })`. Where one is missing the suite fails in
 * CI, which has to bring it, and is skipped elsewhere, saying why.
 */
export async function live({ needs }: { readonly needs: readonly Tool[] }): Promise<Suite> {
  const missing = await missingTools(needs);
  if (missing.length === 0) return (title, body) => void describe(title, body);
  const reason = missing.join(", ");
  if (isCi()) {
    return (title) =>
      void describe(title, () => {
        test("has the tools it needs", () => {
          throw new Error(`this suite must run in CI, but ${reason}`);
        });
      });
  }
  return (title, body) => {
    process.stderr.write(`skipped: ${title}: ${reason}\n`);
    describe.skip(`${title} (skipped: ${reason})`, body);
  };
}

/**
 * For a single test: throws in CI, elsewhere answers why the test cannot run, for `context.skip(reason)`; undefined when it can.
 */
export async function requireTool(...needs: readonly Tool[]): Promise<string | undefined> {
  const missing = await missingTools(needs);
  if (missing.length === 0) return undefined;
  const reason = missing.join(", ");
  if (isCi()) throw new Error(`this test must run in CI, but ${reason}`);
  process.stderr.write(`skipped: ${reason}\n`);
  return reason;
}

async function missingTools(needs: readonly Tool[]): Promise<readonly string[]> {
  const reasons = await Promise.all(needs.map((tool) => whyMissing(tool)));
  return reasons.filter((reason) => reason !== undefined);
}

/** As most CI services and most tools understand the variable. */
function isCi(): boolean {
  const { CI } = process.env;
  return CI !== undefined && CI !== "" && CI !== "0" && CI !== "false";
}
