import { tmpdir } from "node:os";
import { join } from "node:path";

/** The home whose cache of guest images all live suites share: the first that needs an image builds it. */
export function testHome(): string {
  return process.env.MK_TEST_HOME ?? join(tmpdir(), "mk-home");
}
