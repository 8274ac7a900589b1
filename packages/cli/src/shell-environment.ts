import { MkError, quoteForShell } from "@mk/core";
import { quoteFish, quotePowerShell } from "./quote-shell.js";

export const SHELLS = ["sh", "fish", "powershell"] as const;
export type Shell = (typeof SHELLS)[number];

/** The shell the user has: SHELL elsewhere, PowerShell on Windows, where SHELL is set only by Unix-like shells. */
export function detectShell(env: Readonly<Record<string, string | undefined>>, platform: NodeJS.Platform): Shell {
  const program = env.SHELL?.replace(/^.*[\\/]/, "").replace(/\.exe$/, "");
  if (program === undefined || program === "") return platform === "win32" ? "powershell" : "sh";
  if (program === "fish") return "fish";
  return program === "pwsh" ? "powershell" : "sh";
}

/** The shell of `--shell`; bash, zsh and the like read what sh reads. INVALID_ARGUMENT. */
export function parseShell(given: string): Shell {
  if (["sh", "bash", "zsh", "dash", "ksh"].includes(given)) return "sh";
  if (given === "fish") return "fish";
  if (given === "powershell" || given === "pwsh") return "powershell";
  throw new MkError("INVALID_ARGUMENT", `--shell ${JSON.stringify(given)} is not a shell mk knows`, {
    hint: `Choose one of: ${SHELLS.join(", ")}.`,
  });
}

/** Statements that set these variables, one a line; an undefined value takes the variable away. */
export function shellStatements(shell: Shell, variables: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(variables)
    .map(([name, value]) => (value === undefined ? unset(shell, name) : set(shell, name, value)))
    .join("\n");
}

function set(shell: Shell, name: string, value: string): string {
  switch (shell) {
    case "sh":
      return `export ${name}=${quoteForShell(value)}`;
    case "fish":
      return `set -gx ${name} ${quoteFish(value)};`;
    case "powershell":
      return `$Env:${name} = ${quotePowerShell(value)}`;
    default:
      throw shell satisfies never;
  }
}

function unset(shell: Shell, name: string): string {
  switch (shell) {
    case "sh":
      return `unset ${name}`;
    case "fish":
      return `set -e ${name};`;
    case "powershell":
      return `Remove-Item Env:${name} -ErrorAction SilentlyContinue`;
    default:
      throw shell satisfies never;
  }
}

/** The line that makes the shell take the output of a command. */
export function howToUse(shell: Shell, command: string): string {
  switch (shell) {
    case "sh":
      return `eval "$(${command})"`;
    case "fish":
      return `${command} | source`;
    case "powershell":
      return `& ${command} | Invoke-Expression`;
    default:
      throw shell satisfies never;
  }
}
