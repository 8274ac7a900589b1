import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface TracedWrite {
  /** What the writer said: `written`, or the error as JSON; undefined when it was killed. */
  readonly said: string | undefined;
  /** Whether strace injected what it was told to. */
  readonly injected: boolean;
}

/**
 * Lets the program write a config while strace injects a fault, such as `fsync:signal=KILL:when=2`. strace attaches after Node has
 * started, so that only the writer's own system calls are counted; it counts by thread, hence a pool of one.
 */
export async function tracedWrite(program: string, home: string, inject: string): Promise<TracedWrite> {
  const call = inject.slice(0, inject.indexOf(":"));
  const { said, log } = await writeUnderStrace(program, home, ["-e", `trace=${call}`, "-e", `inject=${inject}`]);
  return { said, injected: log.includes("(INJECTED)") || log.includes("killed by SIGKILL") };
}

/** The successful calls of these names that one write of a config makes, in order. */
export async function tracedCalls(program: string, home: string, calls: readonly string[]): Promise<readonly string[]> {
  const { log } = await writeUnderStrace(program, home, ["-e", `trace=${calls.join(",")}`]);
  // A call that another thread interrupts is told in two parts; only the second has the result.
  return [...log.matchAll(/(?:^|\] )(?:<\.\.\. )?(\w+)(?:\(| resumed>).*= 0$/gm)].map(([, name = ""]) => name);
}

async function writeUnderStrace(
  program: string,
  home: string,
  args: readonly string[],
): Promise<{ readonly said: string | undefined; readonly log: string }> {
  const writer = spawn(process.execPath, [program, home], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
  });
  const ended = once(writer, "close");
  const lines = createInterface({ input: writer.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const strace = spawn("strace", ["-f", "-p", String(writer.pid), ...args], { stdio: ["ignore", "ignore", "pipe"] });
  const straced = once(strace, "close");
  const log = await attached(strace);
  writer.stdin.end("new\n");
  const said = await lines.next();
  await Promise.all([ended, straced]);
  return { said: said.done === true ? undefined : said.value, log: log.text() };
}

/** Resolves once strace says that it has attached to the threads. */
async function attached(strace: ChildProcess): Promise<{ text(): string }> {
  const chunks: string[] = [];
  const log = { text: () => chunks.join("") };
  strace.stderr?.setEncoding("utf8");
  await new Promise<void>((resolve, reject) => {
    strace.stderr?.on("data", (chunk: string) => {
      chunks.push(chunk);
      if (/strace: Process \d+ attached/.test(log.text())) resolve();
    });
    strace.once("close", () => reject(new Error(`strace ended: ${log.text()}`)));
  });
  return log;
}
