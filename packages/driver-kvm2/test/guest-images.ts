import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageSource } from "@mk/core";
import { guestImages } from "@mk/guest";

/** One cache of built images for all live suites: the first that needs one builds it. */
export function testImages(): ImageSource {
  return guestImages({ home: process.env.MK_TEST_HOME ?? join(tmpdir(), "mk-home") });
}
