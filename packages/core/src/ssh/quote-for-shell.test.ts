import { execFileSync, spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commandLine, quoteForShell } from "./quote-for-shell.js";

const COUNT = 10_000;

/** Shells that this computer has; each takes a script on standard input. */
const SHELLS = [["sh"], ["dash"], ["busybox", "sh"], ["bash", "--posix"]].filter(
  ([file = "", ...args]) => spawnSync(file, [...args, "-c", "exit 0"]).status === 0,
);

describe("quoteForShell", () => {
  test("has a shell to be tried with", () => {
    expect(SHELLS.length).toBeGreaterThan(0);
  });

  test.each(SHELLS.map((argv) => ({ name: argv.join(" "), argv })))(
    `gives $name ${COUNT} random byte strings back unchanged`,
    ({ argv: [file = "", ...args] }) => {
      const bytes = fc.uint8Array({ min: 1, max: 255, maxLength: 40 });
      // Bytes that mean something to a shell, and its words, come more often than chance would have them.
      const special = fc.array(fc.constantFrom(..."'\"\\$`!*?[]{}()<>|&;#~ \t\n\r=-%^", "if", "$(id)", "''", "\xff"), {
        maxLength: 12,
      });
      const words = fc.sample(
        fc.oneof(
          bytes.map((value) => Buffer.from(value).toString("latin1")),
          special.map((parts) => parts.join("")),
        ),
        COUNT,
      );
      const script = words.map((word) => `printf %s ${quoteForShell(word)}; printf '\\000'`).join("\n");
      const output = execFileSync(file, args, {
        input: Buffer.from(script, "latin1"),
        maxBuffer: 64 * 1024 * 1024,
        stdio: ["pipe", "pipe", "inherit"],
        env: { LC_ALL: "C", PATH: process.env.PATH },
      });
      expect(output.toString("latin1").split("\0").slice(0, -1)).toEqual(words);
    },
  );

  test("takes a reserved word for a program's name", () => {
    const { status } = spawnSync("sh", ["-c", commandLine(["if", "x"])]);
    expect(status).toBe(127);
  });

  test("refuses a NUL, which no argument can hold", () => {
    expect(() => quoteForShell("a\0b")).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});

describe("commandLine", () => {
  test("passes environment and arguments as given", () => {
    const line = commandLine(["sh", "-c", 'printf %s "$A|$1"', "x", "b c"], { A: "it's $HOME" });
    expect(execFileSync("sh", ["-c", line], { encoding: "utf8" })).toBe("it's $HOME|b c");
  });

  test.each(["A B", "1A", "", "A=B", "A;reboot", "$(id)"])("refuses %j as the name of a variable", (name) => {
    expect(() => commandLine(["true"], { [name]: "" })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("refuses an empty argv", () => {
    expect(() => commandLine([])).toThrow(TypeError);
  });
});
