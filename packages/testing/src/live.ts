import { describe, test } from "vitest";
import { type Tool, whyMissing } from "./tool.js";

export type Suite = (title: string, body: () => void) => void;

/**
 * `describe` for suites that need real tools: `const suite = await live({ needs: ["qemu"] })`. Where one is missing the suite fails in
 * CI on Linux, where scripts/system-packages.sh has to bring it, and is skipped elsewhere, saying why. A wrong user (`root`) is never a
 * failure.
 */
export async function live({ needs }: { readonly needs: readonly Tool[] }): Promise<Suite> {
  const missing = await findMissing(needs);
  if (missing === undefined) return (title, body) => void describe(title, body);
  if (missing.mustFail) {
    return (title) =>
      void describe(title, () => {
        test("has the tools it needs", () => {
          throw new Error(`this suite must run in CI, but ${missing.reason}`);
        });
      });
  }
  return (title, body) => {
    process.stderr.write(`skipped: ${title}: ${missing.reason}\n`);
    describe.skip(`${title} (skipped: ${missing.reason})`, body);
  };
}

/**
 * For a single test: throws in CI on Linux, elsewhere answers why the test cannot run, for `context.skip(reason)`; undefined when it can.
 */
export async function requireTool(...needs: readonly Tool[]): Promise<string | undefined> {
  const missing = await findMissing(needs);
  if (missing?.mustFail) throw new Error(`this test must run in CI, but ${missing.reason}`);
  if (missing !== undefined) process.stderr.write(`skipped: ${missing.reason}\n`);
  return missing?.reason;
}

async function findMissing(
  needs: readonly Tool[],
): Promise<{ readonly reason: string; readonly mustFail: boolean } | undefined> {
  const reasons = await Promise.all(needs.map((tool) => whyMissing(tool)));
  const missing = needs.filter((_, index) => reasons[index] !== undefined);
  if (missing.length === 0) return undefined;
  return {
    reason: reasons.filter((reason) => reason !== undefined).join(", "),
    mustFail: isCi() && process.platform === "linux" && !missing.includes("root"),
  };
}

/** As most CI services and most tools understand the variable. */
function isCi(): boolean {
  const { CI } = process.env;
  return CI !== undefined && CI !== "" && CI !== "0" && CI !== "false";
}
