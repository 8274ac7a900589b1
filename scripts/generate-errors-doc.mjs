#!/usr/bin/env node
// Writes docs/errors.md from the table of error codes in @mk/core.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

const source = new URL("../packages/core/src/errors.ts", import.meta.url);
const target = new URL("../docs/errors.md", import.meta.url);

/** The whole of docs/errors.md. */
export async function renderErrorsDoc() {
  const codes = await readErrorCodes();
  const rows = Object.entries(codes).map(([code, { exitCode, meaning, fix }]) => [
    `\`${code}\``,
    String(exitCode),
    meaning,
    fix,
  ]);
  return `<!-- Made by scripts/generate-errors-doc.mjs from packages/core/src/errors.ts. Do not edit. -->

# Errors

Every failure of mk is an \`MkError\` with one of these codes, a message that names the thing, a \`hint\` where something better than below is
known, and the \`cause\`. Codes and exit codes are API: they stay as they are within a major version; messages do not.

\`mk --output json\` prints an error as \`{"error":{"code","message","hint","details","cause"}}\`. A program that runs in the machine by
\`mk ssh -- …\` gives mk its own exit code.

${table(["code", "exit code", "meaning", "what to do"], rows)}`;
}

/** A Markdown table padded as people do it, so that its source reads too. */
function table(head, rows) {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |\n`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("");
}

/** The table in the TypeScript source: a literal that is JavaScript as it stands, so it needs neither a build nor a compiler. */
async function readErrorCodes() {
  const literal = /export const ERROR_CODES = (\{.*?\n\}) as const/s.exec(await readFile(source, "utf8"))?.[1];
  if (literal === undefined) throw new Error(`there is no table ERROR_CODES in ${fileURLToPath(source)}`);
  const module = await import(
    `data:text/javascript;base64,${Buffer.from(`export default ${literal};`).toString("base64")}`
  );
  return module.default;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await writeFile(target, await renderErrorsDoc());
  console.log(`wrote ${fileURLToPath(target)}`);
}
