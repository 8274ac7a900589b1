import { spawn } from "node:child_process";
import { once } from "node:events";

/** A program on a terminal of its own, as a person uses it. */
export interface Terminal extends AsyncDisposable {
  /** Waits until the program has asked this, counted from the last answer on, and then types. */
  answer(question: string, keys: string): Promise<void>;
  /** All it wrote, and how it ended. */
  ended(): Promise<{ readonly output: string; readonly exitCode: number | null }>;
}

/** Runs a program under util-linux's `script`, which gives it a terminal. */
export function openTerminal(
  command: string,
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Terminal {
  // A new terminal has no size.
  const sized = `stty cols 100 rows 40 && exec ${command}`;
  const child = spawn("script", ["--quiet", "--return", "--command", sized, "/dev/null"], {
    cwd,
    env: { ...env, TERM: "xterm" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  let read = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const end = once(child, "close");
  return {
    async answer(question, keys) {
      while (!output.includes(question, read)) {
        const more = await Promise.race([once(child.stdout, "data"), end.then(() => undefined)]);
        if (more === undefined) throw new Error(`ended before it asked ${JSON.stringify(question)}:\n${output}`);
      }
      read = output.length;
      child.stdin.write(keys);
    },
    async ended() {
      await end;
      return { output, exitCode: child.exitCode };
    },
    async [Symbol.asyncDispose]() {
      // It hangs up, which ends what runs on the terminal.
      child.kill();
      await end;
    },
  };
}
