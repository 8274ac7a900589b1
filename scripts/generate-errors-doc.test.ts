import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { renderErrorsDoc } from "./generate-errors-doc.mjs";

it("has written docs/errors.md from the error codes as they are", async () => {
  const doc = await readFile(new URL("../docs/errors.md", import.meta.url), "utf8");
  expect(doc, "run: node scripts/generate-errors-doc.mjs").toBe(await renderErrorsDoc());
});
