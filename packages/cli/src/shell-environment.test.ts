import { execFileSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { env } from "./commands/env.js";
import type { Context } from "./context.js";
import { detectShell, parseShell, shellStatements } from "./shell-environment.js";
import { Output } from "./terminal/output.js";

const AWKWARD = '/home/a b/it\'s "$HOME" `id` \\ ü,%';

describe("statements for shells", () => {
  it("set variables so that sh takes any value literally", () => {
    const script = `${shellStatements("sh", { DOCKER_CERT_PATH: AWKWARD })}\nprintf %s "$DOCKER_CERT_PATH"`;
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(AWKWARD);
  });

  it("take variables away in sh", () => {
    const script = `${shellStatements("sh", { DOCKER_HOST: undefined })}\nprintf %s "\${DOCKER_HOST-gone}"`;
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8", env: { DOCKER_HOST: "x" } })).toBe("gone");
  });

  it("are written as fish and PowerShell have them", () => {
    const variables = { A: "it's \\ x", B: undefined };
    expect(shellStatements("fish", variables)).toBe("set -gx A 'it\\'s \\\\ x';\nset -e B;");
    expect(shellStatements("powershell", variables)).toBe(
      "$Env:A = 'it''s \\ x'\nRemove-Item Env:B -ErrorAction SilentlyContinue",
    );
  });

  it("are for the shell in use", () => {
    expect(detectShell({ SHELL: "/usr/bin/fish" }, "linux")).toBe("fish");
    expect(detectShell({ SHELL: "/bin/zsh" }, "darwin")).toBe("sh");
    expect(detectShell({ SHELL: "/usr/bin/pwsh" }, "linux")).toBe("powershell");
    expect(detectShell({}, "win32")).toBe("powershell");
    expect(detectShell({}, "linux")).toBe("sh");
    expect(["bash", "zsh", "fish", "pwsh"].map(parseShell)).toEqual(["sh", "sh", "fish", "powershell"]);
    expect(() => parseShell("cmd")).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  it.each([
    [{ unset: true }, 'eval "$(mk env --unset box)"'],
    [{ unset: true, shell: "fish" }, "mk env --unset --shell=fish box | source"],
    [{ unset: true, shell: "pwsh" }, "& mk env --unset --shell=pwsh box | Invoke-Expression"],
  ])("end, on a terminal, with how to use what %j gave", async (flags, line) => {
    const terminal = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY: true });
    const context = { stdout: new Output(terminal), env: {}, profile: "box" };
    await env(context as unknown as Context, [], flags);
    expect(String(terminal.read()).trimEnd().split("\n").at(-1)).toBe(`# ${line}`);
  });
});
