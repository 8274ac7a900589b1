import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { MkError } from "@mk/core";
import { LineSplitter } from "../host/line-splitter.js";
import { RpcClient, type RpcMethod } from "../rpc/rpc-client.js";
import { SERVICE } from "./messages.js";

export interface IsolatedProgram {
  readonly driver: string;
  /** Absolute path of a module whose default export is the driver. */
  readonly module: string;
  /** Runs the process as root, through sudo. */
  readonly elevated: boolean;
  /** The program that serves it. Default: the one that comes with this package. */
  readonly program?: string;
}

const TAIL_LINES = 20;
const END_MS = 5_000;

/** The command line that starts the process: what the user is shown before it runs with privileges. */
export function isolatedCommand({ module, elevated, program }: IsolatedProgram): readonly string[] {
  const path = program ?? fileURLToPath(new URL("./isolated-child.js", import.meta.url));
  const command = [process.execPath, path, module];
  return elevated ? ["sudo", "--", ...command] : command;
}

/** A process that runs a driver, connected by its standard streams: no other process can speak to it. */
export class IsolatedProcess {
  readonly #program: IsolatedProgram;
  readonly #child: ChildProcess;
  readonly #client: RpcClient;
  readonly #exited: Promise<void>;
  readonly #tail: string[] = [];
  #exit: { readonly exitCode: number | null; readonly signal: string | null } | undefined;

  constructor(program: IsolatedProgram, env: Readonly<Record<string, string | undefined>>) {
    this.#program = program;
    const [file, ...args] = isolatedCommand(program);
    // sudo asks for the password at the terminal, which a session of its own would not have.
    this.#child = spawn(file!, args, { stdio: ["pipe", "pipe", "pipe"], env, detached: !program.elevated });
    const errors = new LineSplitter((line) => {
      this.#tail.push(line);
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => errors.push(chunk)).on("end", () => errors.end());
    this.#exited = new Promise((resolve) => {
      this.#child.once("exit", (exitCode, signal) => {
        this.#exit = { exitCode, signal };
        resolve();
      });
      // It did not start, or it is root's and takes no signal of ours: then it ends with its standard input, and nobody waits for it.
      this.#child.on("error", (error) => {
        this.#tail.push(error.message);
        resolve();
      });
    });
    this.#client = new RpcClient(Duplex.from({ readable: this.#child.stdout!, writable: this.#child.stdin! }));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ended(): Promise<unknown> {
    return this.#client.ended;
  }

  /** PLUGIN_CRASHED when the process ends before it answers; PROTOCOL_ERROR when what it says is no answer. */
  async call<A, R>(method: RpcMethod<A, R>, argument: A): Promise<R> {
    try {
      return await this.#client.call(SERVICE, method, argument);
    } catch (error) {
      if (MkError.is(error, "PROTOCOL_ERROR")) {
        await this.end();
        throw error;
      }
      await Promise.race([this.#exited, new Promise((resolve) => setTimeout(resolve, 500).unref())]);
      const how =
        this.#exit === undefined
          ? "broke off"
          : this.#exit.signal === null
            ? `ended with exit code ${this.#exit.exitCode}`
            : `was ended by ${this.#exit.signal}`;
      const stderr = this.#tail.join("\n").trim();
      throw new MkError(
        "PLUGIN_CRASHED",
        `the process of driver ${this.#program.driver} ${how} during ${method.name}${stderr === "" ? "" : `: ${stderr.slice(-500)}`}`,
        {
          hint: "Run the command again; mk finishes or undoes what was begun.",
          details: { ...this.#exit, stderr },
          cause: error,
        },
      );
    }
  }

  /** Closes the process's standard input, at which it ends; kills it when it does not. */
  async end(): Promise<void> {
    this.#client.close();
    if (this.#exit !== undefined || this.#child.pid === undefined) return;
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends the process at once: it hangs. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.end();
  }
}
