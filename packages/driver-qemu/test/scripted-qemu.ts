import type { Duplex } from "node:stream";
import type { Program, ScriptedProcess } from "@mk/conformance";
import { AMD64_EXIT_CODE } from "../src/probe-payload.js";

const GREETING = { QMP: { version: { qemu: { major: 9, minor: 2, micro: 1 } }, capabilities: ["oob"] } };

const MACHINES = `Supported machines are:
pc-q35-9.1           Standard PC (Q35 + ICH9, 2009)
q35                  Standard PC (Q35 + ICH9, 2009) (alias of pc-q35-9.2)
pc-q35-9.2           Standard PC (Q35 + ICH9, 2009)
`;

/** What a scripted QEMU does otherwise than a good one. */
export interface QemuScript {
  /** Accelerators on which the probe's guest runs. Default: all. */
  readonly accelerators?: readonly string[];
  readonly version?: string;
}

/**
 * QEMU as far as the driver knows it: its version, its machines, the accelerator's probe, and a machine with monitors whose guest heeds
 * the power button.
 */
export function scriptedQemu({ accelerators, version = "9.2.1" }: QemuScript = {}): Program {
  return (process) => {
    const { args } = process;
    if (args.includes("--version")) return process.print(`QEMU emulator version ${version}\n`);
    if (argumentOf(args, "-machine") === "help") return process.print(MACHINES);
    if (args.includes("-bios")) {
      const accelerator = argumentOf(args, "-accel") ?? "";
      return accelerators?.includes(accelerator) === false ? process.forever() : AMD64_EXIT_CODE;
    }
    return machine(process);
  };
}

async function machine(process: ScriptedProcess): Promise<never> {
  const { args, host } = process;
  let runState = "prelaunch";
  const chardevs = args.filter((_, index) => args[index - 1] === "-chardev");
  const pathOf = (id: string) =>
    /path=([^,]+)/.exec(chardevs.find((each) => each.includes(`id=${id},`)) ?? "")?.[1] ?? "";
  await host.files.write(argumentOf(args, "-pidfile") ?? "", `${process.pid}\n`);
  process.signal.addEventListener("abort", () => void host.files.remove(argumentOf(args, "-pidfile") ?? ""));
  await host.files.write(pathOf("serial0"), "");

  const commands: Readonly<Record<string, (input: Readonly<Record<string, string>>) => unknown>> = {
    qmp_capabilities: () => ({}),
    "query-status": () => ({ status: runState }),
    "query-uuid": () => ({ UUID: argumentOf(args, "-uuid") }),
    stop: () => {
      runState = "paused";
      return {};
    },
    cont: () => {
      if (runState === "prelaunch") host.files.append(pathOf("serial0"), "mk-guest: ready uptime=1\n");
      runState = "running";
      return {};
    },
    system_powerdown: () => {
      setImmediate(() => process.exit(0));
      return {};
    },
    quit: () => {
      setImmediate(() => process.exit(0));
      return {};
    },
    "human-monitor-command": ({ "command-line": line = "" }) => {
      const [, address = "", port] = /^hostfwd_add net0 tcp:([\d.]+):(\d+)-:\d+$/.exec(line) ?? [];
      try {
        process.listen({ host: address, port: Number(port) }, () => {});
        return "";
      } catch {
        return "could not set up host forwarding rule\r\n";
      }
    },
  };
  for (const id of ["commands", "queries"]) {
    process.listen({ path: pathOf(id) }, (stream) => speak(stream, commands));
  }
  await host.files.write(pathOf("ready"), `${JSON.stringify(GREETING)}\r\n`);
  return process.forever();
}

function speak(
  stream: Duplex,
  commands: Readonly<Record<string, (input: Readonly<Record<string, string>>) => unknown>>,
): void {
  const send = (value: unknown) => void stream.write(`${JSON.stringify(value)}\r\n`);
  send(GREETING);
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    for (let cut = text.indexOf("\n"); cut >= 0; cut = text.indexOf("\n")) {
      const request = JSON.parse(text.slice(0, cut));
      text = text.slice(cut + 1);
      const command = commands[request.execute];
      if (command) send({ return: command(request.arguments ?? {}), id: request.id });
      else send({ error: { class: "CommandNotFound", desc: `no ${request.execute}` }, id: request.id });
    }
  });
}

function argumentOf(args: readonly string[], option: string): string | undefined {
  return args[args.indexOf(option) + 1 || args.length];
}
