import { describe, expect, it } from "vitest";
import { ERROR_CODES, hintOf, MkError, type MkErrorCode } from "./errors.js";

const fixes = Object.entries(ERROR_CODES).map(([code, { fix }]) => [code, fix] as const);

describe("what to do about an error", () => {
  it("is its own hint where it has one", () => {
    expect(hintOf(new MkError("TIMED_OUT", "it took too long", { hint: "Give it more time." }))).toBe(
      "Give it more time.",
    );
  });

  it("is else what helps for its code, if this mk knows the code", () => {
    expect(hintOf(new MkError("STATE_TOO_NEW", "the file is new"))).toBe("Update mk.");
    expect(hintOf({ code: "OF_A_NEWER_MK" as MkErrorCode })).toBeUndefined();
    expect(hintOf({ code: "constructor" as MkErrorCode })).toBeUndefined();
  });

  // Without a name these commands go to the default machine, which is another one than the error's.
  it.each(fixes)("names the machine in %s's commands, and never removes one", (_, fix) => {
    const commands = fix.match(/`mk [^`]+`/g) ?? [];
    const ofMachines = commands.filter((command) => /mk (?:start|stop|restart|status|logs|ssh)\b/.test(command));
    for (const command of ofMachines) expect(command).toMatch(/ -p <name>| --help/);
    expect(fix).not.toContain("mk delete");
    expect(fix).toMatch(/^[A-Z].*\.$/);
  });
});
