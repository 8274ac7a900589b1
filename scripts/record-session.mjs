#!/usr/bin/env node
// Records docs/session.svg: runs the commands below on a real terminal (util-linux `script`) and draws what was on it at the end of each.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const COMMANDS = [
  "mk start --driver=qemu",
  "mk ssh -- uname -a",
  'eval "$(mk env)" && docker version --format "{{.Server.Platform.Name}} {{.Server.Version}}"',
  "mk list",
  "mk delete",
];
const COLUMNS = 100;
const ROW = 18;
const COLUMN = 8.4;
const COLOURS = {
  30: "#484f58",
  31: "#ff7b72",
  32: "#3fb950",
  33: "#d29922",
  34: "#58a6ff",
  35: "#bc8cff",
  36: "#39c5cf",
  37: "#b1bac4",
  90: "#6e7681",
};

const directory = mkdtempSync(join(tmpdir(), "mk-session-"));
const shim = join(directory, "mk");
writeFileSync(shim, `#!/bin/sh\nexec node ${JSON.stringify(join(process.cwd(), "packages/cli/dist/bin.js"))} "$@"\n`, {
  mode: 0o755,
});

/** What is on a terminal after these bytes: rows of cells, each a character with its style. */
function screenOf(text) {
  const rows = [[]];
  let row = 0;
  let column = 0;
  let style = "";
  const parts = text.matchAll(/\u001b\[([?\d;]*)([A-Za-z])|\u001b[^[]|([^\u001b])/gu);
  for (const [, parameters, final, character] of parts) {
    const count = Number(parameters) || 1;
    if (character === "\n") row += 1;
    else if (character === "\r") column = 0;
    else if (character === "\b") column = Math.max(0, column - 1);
    else if (character !== undefined && character >= " ") {
      if (column >= COLUMNS) {
        row += 1;
        column = 0;
      }
      while (rows.length <= row) rows.push([]);
      rows[row][column++] = { character, style };
    } else if (final === "A") row = Math.max(0, row - count);
    else if (final === "B") row += count;
    else if (final === "G") column = count - 1;
    else if (final === "K") rows[row]?.splice(parameters === "2" ? 0 : column);
    else if (final === "J") {
      rows.splice(row + 1);
      rows[row]?.splice(column);
    } else if (final === "m") style = parameters;
    while (rows.length <= row) rows.push([]);
  }
  while (rows.length > 0 && rows.at(-1).length === 0) rows.pop();
  return rows;
}

const escapeXml = (text) =>
  text.replace(/[&<>]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[character]);

function spansOf(cells) {
  let spans = "";
  for (let at = 0; at < cells.length; ) {
    const style = cells[at]?.style ?? "";
    let text = "";
    for (; at < cells.length && (cells[at]?.style ?? "") === style; at++) text += cells[at]?.character ?? " ";
    const codes = style.split(";");
    const fill = codes.map((code) => COLOURS[code]).find(Boolean);
    const attributes = `${fill ? ` fill="${fill}"` : ""}${codes.includes("1") ? ' font-weight="bold"' : ""}${codes.includes("2") ? ' fill-opacity="0.6"' : ""}`;
    spans += attributes ? `<tspan${attributes}>${escapeXml(text)}</tspan>` : escapeXml(text);
  }
  return spans;
}

const lines = [];
try {
  const env = {
    ...process.env,
    PATH: `${directory}:${process.env.PATH}`,
    TERM: "xterm-256color",
    COLUMNS: String(COLUMNS),
  };
  for (const name of ["NODE_EXTRA_CA_CERTS", "CI", "NO_COLOR"]) delete env[name];
  for (const command of COMMANDS) {
    const log = join(directory, "log");
    execFileSync("script", ["-qefc", `stty cols ${COLUMNS} rows 60; ${command}`, "-O", log], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    const output = readFileSync(log, "utf8")
      .replace(/^Script started.*\n/, "")
      .replace(/\nScript done.*\n?$/, "");
    lines.push(`<tspan fill="#3fb950">$</tspan> ${escapeXml(command)}`, ...screenOf(output).map(spansOf), "");
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const width = Math.ceil(COLUMNS * COLUMN) + 32;
const height = lines.length * ROW + 32;
const texts = lines
  .map((line, index) => (line === "" ? "" : `<text x="16" y="${28 + index * ROW}">${line}</text>\n`))
  .join("");
writeFileSync(
  "docs/session.svg",
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A recorded mk session">\n<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3" xml:space="preserve">\n${texts}</g>\n</svg>\n`,
);
