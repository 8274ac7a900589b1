import { mkdir, symlink, writeFile } from "node:fs/promises";
import { temporaryDirectory } from "@mk/testing";
import { describe, expect, test } from "vitest";
import { lookupLinux, processLookup } from "./process-table.js";

const fixture = (output: string | Error) => async (): Promise<string> => {
  if (output instanceof Error) throw output;
  return output;
};

describe("the process table of Linux", () => {
  const stat = (name: string, state = "S"): string =>
    `42 (${name}) ${state} 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 1000 10 18446744073709551615 1 1`;

  test.each(["qemu", "a b", "evil) Z 1 1", "((", "x\ny"])(
    "reads the start time of a process named %j",
    async (name) => {
      await using proc = await temporaryDirectory();
      await mkdir(proc.join("42"));
      await writeFile(proc.join("42", "stat"), stat(name));
      await symlink("/usr/bin/qemu", proc.join("42", "exe"));
      expect(lookupLinux(42, { proc: proc.path })).toEqual({ startTime: "987654", executable: "/usr/bin/qemu" });
    },
  );

  test("knows a process whose binary was upgraded", async () => {
    await using proc = await temporaryDirectory();
    await mkdir(proc.join("42"));
    await writeFile(proc.join("42", "stat"), stat("qemu"));
    await symlink("/usr/bin/qemu (deleted)", proc.join("42", "exe"));
    expect(lookupLinux(42, { proc: proc.path })?.executable).toBe("/usr/bin/qemu");
  });

  test("names another user's process by its name", async () => {
    await using proc = await temporaryDirectory();
    await mkdir(proc.join("42"));
    await writeFile(proc.join("42", "stat"), stat("qemu"));
    expect(lookupLinux(42, { proc: proc.path })?.executable).toBe("[qemu]");
  });

  test.each(["Z", "X"])("has no process in state %s, and none that is absent or garbled", async (state) => {
    await using proc = await temporaryDirectory();
    await mkdir(proc.join("42"));
    await writeFile(proc.join("42", "stat"), stat("qemu", state));
    expect(lookupLinux(42, { proc: proc.path })).toBeUndefined();
    expect(lookupLinux(43, { proc: proc.path })).toBeUndefined();
    await writeFile(proc.join("42", "stat"), "garbage");
    expect(lookupLinux(42, { proc: proc.path })).toBeUndefined();
  });
});

describe("the process table of macOS", () => {
  const lookup = (output: string | Error) => processLookup("darwin", fixture(output))(42);

  test("reads start time and executable, blanks and all", async () => {
    expect(await lookup("S    Sun Nov  2 12:15:50 2026     /Applications/My VM.app/Contents/MacOS/qemu\n")).toEqual({
      startTime: "Sun Nov 2 12:15:50 2026",
      executable: "/Applications/My VM.app/Contents/MacOS/qemu",
    });
    expect(await lookup("Ss+  Tue Nov 12 09:05:01 2026 /opt/homebrew/bin/hyperkit\n")).toMatchObject({
      executable: "/opt/homebrew/bin/hyperkit",
    });
  });

  test("has no zombie, and none when ps fails or says nothing", async () => {
    expect(await lookup("Z    Sun Nov  2 12:15:50 2026     (qemu)\n")).toBeUndefined();
    expect(await lookup("")).toBeUndefined();
    expect(await lookup(new Error("exit code 1"))).toBeUndefined();
  });
});

describe("the process table of Windows", () => {
  const lookup = (output: string | Error) => processLookup("win32", fixture(output))(42);

  test("reads start time and executable", async () => {
    expect(await lookup("134100000001234567 C:\\Program Files\\qemu\\qemu-system-x86_64.exe\r\n")).toEqual({
      startTime: "134100000001234567",
      executable: "C:\\Program Files\\qemu\\qemu-system-x86_64.exe",
    });
  });

  test("has none when there is none", async () => {
    expect(await lookup(new Error("Cannot find a process"))).toBeUndefined();
    expect(await lookup("")).toBeUndefined();
  });
});
