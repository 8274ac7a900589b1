// A vitest reporter for scripts/test.mjs: writes to $MK_TEST_TOTALS how many tests passed, failed and were skipped, and what was wrong with each that failed.
import { writeFileSync } from "node:fs";
import { relative } from "node:path";

const text = ({ stack, message, stacks }) => {
  const at = stacks?.[0];
  const where = at === undefined ? "" : `\n  at ${relative(".", at.file)}:${at.line}:${at.column}`;
  return `${message ?? stack ?? "unknown error"}${where}`;
};

export default class Totals {
  onTestRunEnd(modules, unhandled) {
    const totals = { passed: 0, failed: 0, skipped: 0, failures: [] };
    const fail = (name, errors) => {
      totals.failed += 1;
      totals.failures.push([name, ...errors.map(text)].join("\n"));
    };
    for (const module of modules) {
      const file = module.relativeModuleId;
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === "passed") totals.passed += 1;
        else if (state === "failed") fail(`${file} > ${test.fullName}`, errors ?? []);
        else totals.skipped += 1;
      }
      // A suite whose hooks fail, or a file that fails to load, has no failed test of its own, and must count all the same.
      for (const suite of module.children.allSuites()) {
        if (suite.errors().length > 0) fail(`${file} > ${suite.fullName}`, suite.errors());
      }
      if (module.errors().length > 0) fail(file, module.errors());
    }
    for (const error of unhandled) fail("outside any test", [error]);
    writeFileSync(process.env.MK_TEST_TOTALS, JSON.stringify(totals));
  }
}
