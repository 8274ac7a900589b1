import { execFileSync } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { type TemporaryDirectory, temporaryDirectory } from "@mk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { completionScript } from "../src/completion/scripts.js";
import { BIN, FAKE_DRIVER } from "./run-mk.js";

let place: TemporaryDirectory;

beforeAll(async () => {
  place = await temporaryDirectory();
  // The scripts call `mk` by name.
  await writeFile(place.join("mk"), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`);
  await chmod(place.join("mk"), 0o755);
  await writeFile(place.join("completion.bash"), completionScript("bash"));
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

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
    env: {
      PATH: `${place.path}:/usr/bin:/bin`,
      HOME: place.path,
      MK_HOME: place.join("home"),
      MK_DRIVER_PATH: FAKE_DRIVER,
    },
  });
  return output.split("\n").filter((candidate) => candidate !== "");
}

describe("completion in bash", () => {
  it.each([
    ["mk sta", ["start", "status"]],
    ["mk driver re", ["remove"]],
    ["mk start --disk", ["--disk-size"]],
    ["mk start --driver fa", ["fake"]],
    // bash replaces only what follows the =.
    ["mk start --driver=fa", ["fake"]],
    ["mk start --driver=fake --fake-mood=", ["good", "bad"]],
    ["mk start --driver=fake --fake-mo", ["--fake-mood"]],
    ["mk completion ", ["bash", "zsh", "fish", "powershell"]],
  ])("offers for %j", (line, offered) => {
    expect(bash(line)).toEqual(offered);
  });
});
