import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Context } from "../context.js";
import { confirm } from "./confirm.js";
import { Output } from "./output.js";
import { createPalette, wantsColors } from "./palette.js";
import { table } from "./table.js";
import { formatAge, formatBytes, formatDuration } from "./units.js";
import { textWidth, truncate } from "./width.js";

describe("text in columns", () => {
  it("is as wide as a terminal shows it", () => {
    expect(["abc", "é", "e\u0301", "名前", "✓", "\u001b[31mred\u001b[39m", "👍"].map(textWidth)).toEqual([
      3, 1, 1, 4, 1, 3, 2,
    ]);
  });

  it("is cut where it is too long", () => {
    expect([truncate("abcdef", 4), truncate("abc", 4), truncate("名前です", 5)]).toEqual(["abc…", "abc", "名前…"]);
  });

  it("stands below its heading whatever it is made of", () => {
    expect(
      table([
        ["NAME", "AGE"],
        ["名前", "1"],
        ["\u001b[31mx\u001b[39m", "2"],
      ]),
    ).toBe("NAME  AGE\n名前  1\n\u001b[31mx\u001b[39m     2");
  });
});

describe("a table in a narrow terminal", () => {
  const rows = [
    ["--driver <name>", "driver of a new machine (default: the best that works here)"],
    ["-q", "say less"],
  ];

  it("goes on below where its last column begins", () => {
    expect(table(rows, "  ", 45)).toBe(
      [
        "  --driver <name>  driver of a new machine",
        "                   (default: the best that",
        "                   works here)",
        "  -q               say less",
      ].join("\n"),
    );
  });

  it("goes on below the row when there is too little room beside it", () => {
    expect(table(rows, "  ", 40)).toBe(
      [
        "  --driver <name>",
        "        driver of a new machine",
        "        (default: the best that works",
        "        here)",
        "  -q               say less",
      ].join("\n"),
    );
  });

  it("breaks no word, and nothing that fits", () => {
    expect(table([["a", "b".repeat(60)]], "", 40)).toBe(`a  ${"b".repeat(60)}`);
    expect(table(rows, "  ", 120)).toBe(table(rows, "  "));
  });
});

describe("units", () => {
  it("are those people use", () => {
    expect([0, 340, 59_949, 60_000, 125_000].map(formatDuration)).toEqual([
      "0.0 s",
      "0.3 s",
      "59.9 s",
      "1 min 00 s",
      "2 min 05 s",
    ]);
    expect([0, 999, 1000, 3_400_000, 120_000_000, 2e13].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "3.4 MB",
      "120 MB",
      "20.0 TB",
    ]);
    expect([-5, 59_000, 60_000, 7_200_000, 864e5 * 9].map(formatAge)).toEqual(["0s", "59s", "1m", "2h", "9d"]);
  });
});

describe("colours", () => {
  it.each([
    [true, {}, true, true],
    [false, {}, true, false],
    [true, { TERM: "dumb" }, true, false],
    [true, { NO_COLOR: "1" }, true, false],
    [true, { NO_COLOR: "" }, true, true],
    [false, { FORCE_COLOR: "1" }, true, true],
    [false, { FORCE_COLOR: "0" }, true, false],
    [true, { FORCE_COLOR: "1", NO_COLOR: "1" }, true, false],
    [true, { FORCE_COLOR: "1" }, false, false],
  ])("on a terminal: %s, with %j and the flag %s are %s", (isTerminal, env, flag, wanted) => {
    expect(wantsColors(isTerminal, env, flag)).toBe(wanted);
  });

  it("leave text alone where they are off", () => {
    expect(createPalette(false).red("x")).toBe("x");
    expect(createPalette(true).red("x")).toBe("\u001b[31mx\u001b[39m");
  });
});

describe("output", () => {
  const failing = (code: string) =>
    new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(`write ${code}`), { code })),
    });

  it("takes a terminal without a size for one of 80 columns", () => {
    const columns = (value: number | undefined) =>
      new Output(Object.assign(new Writable(), value === undefined ? {} : { columns: value })).columns;
    expect([columns(0), columns(undefined), columns(120)]).toEqual([80, 80, 120]);
  });

  it("breaks lines for a terminal, and for nobody else", () => {
    const width = (isTTY: boolean) => new Output(Object.assign(new Writable(), { isTTY, columns: 60 })).lineWidth;
    expect([width(true), width(false)]).toEqual([60, Number.POSITIVE_INFINITY]);
  });

  it("ends quietly when nobody reads it any more", async () => {
    const output = new Output(failing("EPIPE"));
    output.line("x");
    await output.flush();
    expect(output.closed.aborted).toBe(true);
    output.line("y");
    await output.flush();
  });

  it.each([
    ["ENOSPC", "NO_SPACE"],
    ["EBADF", "IO_FAILED"],
  ])("tells at its end that writing failed with %s", async (errno, code) => {
    const output = new Output(failing(errno));
    output.line("x");
    await expect(output.flush()).rejects.toMatchObject({ code });
  });
});

describe("a question", () => {
  const asked = async (input: (stdin: PassThrough) => void) => {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const stderr = new Output(new PassThrough().resume());
    const answer = confirm({ stdin, stderr, signal: new AbortController().signal } as unknown as Context, "Run this?");
    input(stdin);
    return await answer;
  };

  it.each([
    ["y\n", true],
    ["Yes\n", true],
    ["\n", false],
    ["yet\n", false],
  ])("is answered by %j", async (typed, answer) => {
    expect(await asked((stdin) => stdin.write(typed))).toBe(answer);
  });

  it("is answered with no when the terminal ends before", async () => {
    expect(await asked((stdin) => stdin.end())).toBe(false);
  });
});
