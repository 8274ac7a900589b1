import { execFileSync, spawnSync } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { completionScript } from "../src/completion/scripts.js";
import { BIN, FAKE_DRIVER, mk } from "./run-mk.js";

// Each script is loaded by its real shell, and the shell's own completion is asked what it would offer. There is no PowerShell on Debian
// nor in a registry that its ordinary client can read here: what can be said of its script is said by its form and its protocol.

let place: TemporaryDirectory;
let env: Record<string, string>;

beforeAll(async () => {
  place = await temporaryDirectory();
  await mkdir(place.join("work", "data"), { recursive: true });
  await writeFile(place.join("work", "notes.txt"), "");
  await mkdir(place.join("functions"));
  // The scripts call `mk` by name.
  await mkdir(place.join("bin"));
  await writeFile(place.join("bin", "mk"), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`);
  await chmod(place.join("bin", "mk"), 0o755);
  await writeFile(place.join("completion.bash"), completionScript("bash"));
  await writeFile(place.join("completion.fish"), completionScript("fish"));
  await writeFile(place.join("completion.zsh"), completionScript("zsh"));
  await writeFile(place.join("functions", "_mk"), completionScript("zsh"));
  await writeFile(place.join("setup.zsh"), ZSH_SETUP);
  await writeFile(place.join("capture.zsh"), ZSH_CAPTURE);
  env = {
    PATH: `${place.join("bin")}:/usr/bin:/bin`,
    HOME: place.path,
    MK_HOME: place.join("home"),
    MK_DRIVER_PATH: FAKE_DRIVER,
  };
  for (const name of ["box", "builder"]) await mk(["start", name, "-q"], { home: place.join("home") });
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

const has = (shell: string) => spawnSync(shell, ["--version"]).error === undefined;
/** Where a shell is missing on a tester's computer; in CI all are there. */
const withShell = (shell: string) => describe.skipIf(!process.env.CI && !has(shell));

/** Lines with the cursor at the end, and what is offered for the word there. */
const LINES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["mk sta", ["start", "status"]],
  ["mk driver re", ["remove"]],
  ["mk start --disk", ["--disk-size"]],
  ["mk start --driver fa", ["fake"]],
  ["mk start --driver=fa", ["--driver=fake"]],
  ["mk start --driver=fake --fake-mood=", ["--fake-mood=bad", "--fake-mood=good"]],
  ["mk start --driver fake --fake-mood ", ["bad", "good"]],
  ["mk start --driver=fake --fake-mo", ["--fake-mood"]],
  ["mk stop b", ["box", "builder"]],
  ["mk stop box bu", ["builder"]],
  ["mk -p bu", ["builder"]],
  ["mk config set fake.mo", ["fake.mood"]],
  ["mk completion ", ["bash", "fish", "powershell", "zsh"]],
  ["mk cp bo", ["box:"]],
  ["mk cp ./notes.txt ./data bo", ["box:"]],
  ["mk nonsense ", []],
];

/** What bash would offer for a line with the cursor at its end. */
function bash(line: string): readonly string[] {
  // COMP_WORDS as bash makes them: = and : are words of their own.
  const script = `
    source "$1"
    COMP_LINE="$2" COMP_POINT=\${#2}
    read -r -a COMP_WORDS <<< "$(sed 's/[=:]/ & /g' <<< "$2")"
    [[ "$2" == *[[:space:]] ]] && COMP_WORDS+=("")
    COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
    _mk
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync("bash", ["--norc", "-c", script, "bash", place.join("completion.bash"), line], {
    encoding: "utf8",
    cwd: place.join("work"),
    env,
  });
  return sorted(output.split("\n"));
}

/** What fish would offer; its own description of what it completes stands behind a tab. */
function fish(line: string): readonly string[] {
  const output = execFileSync(
    "fish",
    ["--no-config", "-c", "source $argv[1]; complete -C $argv[2]", place.join("completion.fish"), line],
    { encoding: "utf8", cwd: place.join("work"), env },
  );
  return sorted(output.split("\n").map((candidate) => candidate.replace(/\t.*$/, "")));
}

/** What zsh would offer: a shell on a terminal of its own gets the line and a Tab, and writes down every match that is added. */
async function zsh(line: string, load: "source" | "autoload" = "source"): Promise<readonly string[]> {
  await writeFile(place.join("offered"), "");
  execFileSync("zsh", ["-f", place.join("capture.zsh")], {
    encoding: "utf8",
    cwd: place.join("work"),
    env: {
      ...env,
      TERM: "dumb",
      LINE: line,
      LOAD: load,
      SETUP: place.join("setup.zsh"),
      SCRIPT: place.join("completion.zsh"),
      FUNCTIONS: place.join("functions"),
      OFFERED: place.join("offered"),
    },
  });
  return sorted((await readFile(place.join("offered"), "utf8")).split("\n"));
}

const ZSH_CAPTURE = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'source $SETUP'
# Written when the line editor reads: what comes before would be taken by the terminal itself.
zpty -r -m shell ignored '*line-editor-reads*'
zpty -n -w shell "$LINE"$'\\t'
while zpty -r shell ignored; do :; done
`;

const ZSH_SETUP = `
PROMPT=
unset zle_bracketed_paste
autoload -U compinit
if [[ $LOAD == autoload ]]; then
  fpath=($FUNCTIONS $fpath)
  compinit -u -d $HOME/autoload.dump
else
  # The list of zsh's own completions is made once.
  compinit -u -d $HOME/source.dump
  source $SCRIPT
fi
compadd() {
  local -a hits
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    builtin compadd -A hits "$@"
    (( $#hits )) && print -rl -- $hits >> $OFFERED
  fi
  builtin compadd "$@"
}
comppostfuncs=(exit)
bindkey '^I' complete-word
zle-line-init() { print -r -- line-editor-reads }
zle -N zle-line-init
`;

function sorted(candidates: readonly string[]): readonly string[] {
  return [...new Set(candidates.filter((candidate) => candidate !== ""))].sort();
}

withShell("bash")("completion in bash", () => {
  it.each(LINES)("offers for %j", (line, offered) => {
    // bash replaces only what follows the =.
    expect(bash(line)).toEqual(offered.map((candidate) => candidate.replace(/^--[a-z-]+=/, "")));
  });
});

withShell("fish")("completion in fish", () => {
  it.each(LINES)("offers for %j", (line, offered) => {
    expect(fish(line)).toEqual(offered);
  });

  it("offers files where a file may stand", () => {
    expect(fish("mk cp ./no")).toEqual(["./notes.txt"]);
    expect(fish("mk ssh -- no")).toEqual(["notes.txt"]);
  });
});

withShell("zsh")("completion in zsh", () => {
  it.each(LINES)("offers for %j", async (line, offered) => {
    expect(await zsh(line)).toEqual(offered);
  });

  it("is loaded as well from a file of fpath", async () => {
    expect(await zsh("mk sta", "autoload")).toEqual(["start", "status"]);
  });

  it("offers files where a file may stand", async () => {
    expect(await zsh("mk cp ./no")).toEqual(["notes.txt"]);
  });
});

describe("completion in PowerShell", () => {
  it("names the word that begins in the one way that every PowerShell hands on", async () => {
    const { stdout } = await mk(["__complete", "--", "start", "--driver", '""'], { home: place.join("home") });
    expect(stdout).toMatch(/^fake\t/m);
  });

  it("has a script whose brackets and quotes close", () => {
    const script = completionScript("powershell");
    const bare = script.replace(/#.*$/gm, "").replace(/'[^']*'|"[^"]*"/g, "");
    expect(bare).not.toMatch(/['"]/);
    const open: string[] = [];
    const pairs: Readonly<Record<string, string>> = { ")": "(", "}": "{", "]": "[" };
    for (const [bracket] of bare.matchAll(/[(){}[\]]/g)) {
      if (pairs[bracket] === undefined) open.push(bracket);
      else expect(open.pop()).toBe(pairs[bracket]);
    }
    expect(open).toEqual([]);
  });
});
