import { spawn } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { type Duplex, PassThrough } from "node:stream";
import {
  createMk,
  createNodeHost,
  type EventData,
  type ExecResult,
  generateSshKeyPair,
  type Machine,
  type MachineHandle,
  type Mk,
  MkError,
  type MkOptions,
  type Network,
} from "@mk/core";
import { type TemporaryDirectory, temporaryDirectory, until } from "@mk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeImages } from "./images.js";
import { machinePids } from "./process-driver/machine-pids.js";
import { processDriver } from "./process-driver/process-driver.js";
import { speakSsh } from "./ssh/fake-ssh-server.js";
import { bundle } from "./step-kill/bundle.js";

let home: TemporaryDirectory;

function openMk(parts: (machine: Machine) => Partial<Machine> = () => ({}), options: MkOptions = {}): Mk {
  const driver = processDriver({ change: (machine) => ({ ...machine, ...parts(machine) }) });
  return createMk({ home: home.path, drivers: [driver], images: fakeImages(), ...options });
}

/** Never settles and listens to nothing. */
const hangs = (): Promise<never> => new Promise(() => undefined);

/** A driver that opens no machine before it is told to, and whether a handle of it was closed. */
function slowToOpen() {
  const driver = processDriver();
  let open = (): void => undefined;
  let isClosed = false;
  const late = new Promise<void>((resolve) => {
    open = resolve;
  });
  const createDriver: typeof driver.createDriver = async (...given) => {
    await late;
    const close = async (): Promise<void> => {
      isClosed = true;
    };
    return { ...(await driver.createDriver(...given)), close };
  };
  return { driver: { ...driver, createDriver }, open, isClosed: () => isClosed };
}

/** How a program of the folder `handle` ends, and what it said. */
async function program(name: string): Promise<{ code: unknown; signal: unknown; said: string }> {
  await using built = await temporaryDirectory("mk-handle-program-");
  const path = await bundle(join(import.meta.dirname, "handle", `${name}.ts`), built.path);
  const script = join(import.meta.dirname, "process-driver", "machine.mjs");
  const child = spawn(process.execPath, [path, home.path, script], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [code, signal] = await once(child, "close");
  return { code, signal, said: Buffer.concat(chunks).toString() };
}

/** A `cat` in the machine, which runs until its input ends. */
async function runningCat(machine: MachineHandle): Promise<{ input: PassThrough; ended: Promise<ExecResult> }> {
  const [input, stdout] = [new PassThrough(), new PassThrough()];
  const ended = machine.exec(["cat"], { input, stdout });
  input.write("here");
  await once(stdout, "data");
  return { input, ended };
}

/** What a service behind a forward answers, or that it cuts the connection. */
async function ask(local: { readonly host: string; readonly port: number }): Promise<string> {
  const socket = connect(local);
  socket.on("error", () => undefined);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString();
}

/** An SSH server on loopback, in which all programs succeed. */
async function sshServer(hostKey: string): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    speakSsh(socket, hostKey, (connection) => {
      connection.on("authentication", (context) => context.accept());
      connection.on("session", (accept) => {
        accept().on("exec", (acceptExec) => {
          const channel = acceptExec();
          channel.exit(0);
          channel.end();
        });
      });
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

beforeEach(async () => {
  home = await temporaryDirectory("mk-handle-");
});
afterEach(async () => {
  await using mk = openMk();
  for (const { name } of await mk.list()) await (await mk.machine(name)).delete({ forget: true });
  await home[Symbol.asyncDispose]();
});

describe("the connection of a handle", () => {
  it("is not lost to others when the call that opened it is cancelled", async () => {
    let asked = 0;
    let answer = (): void => undefined;
    const first = new AbortController();
    await using mk = openMk();
    await mk.start();
    await using slow = openMk((machine) => ({
      access: async (op) => {
        if (asked++ > 0) return machine.access(op);
        await new Promise<void>((resolve, reject) => {
          answer = resolve;
          op.signal.addEventListener("abort", () => reject(op.signal.reason), { once: true });
        });
        return machine.access(op);
      },
    }));
    await using machine = await slow.machine("mk");
    const opener = machine.exec(["true"], { signal: first.signal });
    await until("the driver is asked", () => asked === 1);
    const other = machine.exec(["echo", "here"]);
    first.abort();
    await expect(opener).rejects.toMatchObject({ code: "CANCELLED" });
    expect(await other).toMatchObject({ exitCode: 0, stdout: "here\n" });
    answer();
  });

  it("outlives a start of the machine that runs already, also with other settings, and is cut by a stop", async () => {
    await using mk = openMk();
    await using machine = await mk.start();
    const cat = await runningCat(machine);
    await machine.start();
    await machine.start({ options: { label: "other" } });
    cat.input.end();
    expect(await cat.ended).toMatchObject({ exitCode: 0 });
    const cut = expect((await runningCat(machine)).ended).rejects.toMatchObject({ code: "CANCELLED" });
    await machine.stop();
    await cut;
  });

  it("ends what uses it when the handle is disposed", async () => {
    await using mk = openMk();
    const machine = await mk.start();
    const cut = expect((await runningCat(machine)).ended).rejects.toMatchObject({ code: "CANCELLED" });
    await machine[Symbol.asyncDispose]();
    await cut;
  });

  it("is made anew for a call that still waits for it when the machine's power is switched", async () => {
    let asked = 0;
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await using mk = openMk();
    await mk.start();
    await using slow = openMk((machine) => ({
      access: (op) => (asked++ === 0 ? hangs() : machine.access(op)),
      stop: (op) => gate.then(() => machine.stop(op)),
    }));
    await using machine = await slow.machine("mk");
    const waiting = machine.exec(["echo", "here"]);
    await until("the driver is asked", () => asked === 1);
    const stopped = machine.stop();
    expect(await waiting).toMatchObject({ exitCode: 0, stdout: "here\n" });
    goOn();
    await stopped;
  });

  it("is looked for anew where another server answered in the machine's place", async () => {
    let port: number | undefined;
    await using mk = openMk((machine) => ({
      access: async (op) =>
        port === undefined
          ? machine.access(op)
          : { via: "ssh", host: "127.0.0.1", port, user: "mk", hostKey: "pinned" },
    }));
    const started = await mk.start();
    await using other = await sshServer((await generateSshKeyPair()).privateKey);
    await using own = await sshServer(await readFile(home.join("machines", "mk", "ssh_host_ed25519_key"), "utf8"));
    await using machine = await mk.machine(started.name);
    port = other.port;
    await expect(machine.exec(["true"])).rejects.toMatchObject({ code: "HOST_KEY_CHANGED" });
    port = own.port;
    expect(await machine.exec(["true"])).toMatchObject({ exitCode: 0 });
  });

  it("is not waited for by a call that is cancelled meanwhile", async () => {
    await using mk = openMk(() => ({ access: hangs }));
    await using machine = await mk.start();
    const opener = machine.exec(["true"], { signal: AbortSignal.timeout(10_000) });
    opener.catch(() => undefined);
    await expect(machine.exec(["true"], { timeoutMs: 50 })).rejects.toMatchObject({ code: "TIMED_OUT" });
  });
});

describe("the certificate of a machine's engine", () => {
  it("is given to it once its address is known, and with the seed of the next start", async () => {
    const given = home.join("given");
    const script = 'printf "%s\\n" "$@" >"$0.argv"; cat >"$0.input"';
    await using mk = openMk(() => ({
      access: async () => ({ via: "exec", argv: ["/bin/sh", "-c", script, given] }),
      endpoint: async (port) => ({ host: "192.0.2.7", port }),
    }));
    await using machine = await mk.start();
    const [certificate = ""] =
      /-----BEGIN CERTIFICATE.*END CERTIFICATE-----/s.exec(await readFile(`${given}.argv`, "utf8")) ?? [];
    const issued = new X509Certificate(certificate);
    expect(issued.checkIP("192.0.2.7")).toBeDefined();
    expect(issued.checkPrivateKey(createPrivateKey(await readFile(`${given}.input`)))).toBe(true);
    await rm(`${given}.argv`);
    await machine.stop();
    await machine.start();
    await expect(readFile(`${given}.argv`)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("is given to it by the next start when the one that booted it was cut off", async () => {
    const given = home.join("given");
    let host = "127.0.0.1";
    await using mk = openMk(() => ({
      access: async () => ({ via: "exec", argv: ["/bin/sh", "-c", 'echo "$1" >>"$0"', given] }),
      endpoint: async (port) => ({ host, port }),
    }));
    await using machine = await mk.start();
    host = "192.0.2.7";
    await machine.start();
    await writeFile(home.join("machines", "mk", "intent.json"), JSON.stringify({ operation: "start", since: "" }));
    await machine.start();
    await machine.start();
    expect((await readFile(given, "utf8")).split("\n").filter((program) => program === "sudo")).toHaveLength(1);
  });

  it("is a warning when it cannot be given", async () => {
    const events: EventData[] = [];
    await using mk = openMk(
      () => ({
        access: async () => ({ via: "exec", argv: ["/bin/false"] }),
        endpoint: async (port) => ({ host: "192.0.2.7", port }),
      }),
      { onEvent: ({ data }) => void events.push(data) },
    );
    await using machine = await mk.start();
    expect(await machine.status()).toEqual({ state: "running" });
    expect(events).toContainEqual(
      expect.objectContaining({ type: "note", level: "warning", message: expect.stringContaining("certificate") }),
    );
  });
});

describe("a start whose guest says that it is ready", () => {
  /** What is noted when connecting to the machine has this outcome. */
  async function notesOf(host: string, outcome: () => Promise<Duplex>): Promise<readonly EventData[]> {
    const events: EventData[] = [];
    const node = createNodeHost({ home: home.path });
    // The driver speaks to its machine over a socket of its own.
    const connect: Network["connect"] = (target, signal) =>
      "host" in target ? outcome() : node.network.connect(target, signal);
    await using mk = openMk(
      () => ({ access: async () => ({ via: "ssh", host, port: 22, user: "mk", hostKey: "pinned" }) }),
      {
        host: { ...node, network: { ...node.network, connect } },
        onEvent: ({ data }) => void events.push(data),
      },
    );
    await using machine = await mk.start();
    expect(await machine.status()).toEqual({ state: "running" });
    await machine.delete();
    return events.filter(({ type }) => type === "note");
  }
  const fails = () => Promise.reject(new MkError("NETWORK_FAILED", "it does not answer"));

  it("warns of what may drop the way to the machine when the host does not reach it", async () => {
    expect(await notesOf("192.0.2.7", fails)).toEqual([
      expect.objectContaining({ level: "warning", message: expect.stringMatching(/192\.0\.2\.7:22.* VPN .*firewall/) }),
    ]);
  });

  it("warns of nothing when the host reaches it, and does not try where the way is this computer itself", async () => {
    expect(await notesOf("192.0.2.7", async () => new PassThrough())).toEqual([]);
    expect(await notesOf("127.0.0.1", fails)).toEqual([]);
  });
});

describe("the proxies of the host", () => {
  it("are in the seed, and those that the machine cannot reach in a note without their passwords", async () => {
    const events: EventData[] = [];
    const env = {
      ...process.env,
      HTTP_PROXY: "http://me:secret@localhost:1",
      HTTPS_PROXY: "http://me:secret@p.example:2",
    };
    await using mk = openMk(undefined, {
      host: createNodeHost({ home: home.path, env }),
      onEvent: ({ data }) => void events.push(data),
    });
    await using machine = await mk.start();
    const seed = await readFile(home.join("machines", machine.name, "seed--etc-docker-daemon.json"), "utf8");
    expect(JSON.parse(seed)).toMatchObject({ proxies: { "https-proxy": env.HTTPS_PROXY } });
    expect(seed).not.toContain("http-proxy");
    expect(events).toContainEqual(expect.objectContaining({ type: "note", fields: { variable: "HTTP_PROXY" } }));
    expect(JSON.stringify(events)).not.toContain("secret");
  });
});

describe("a driver that hangs where it is asked one thing", () => {
  it.each(["endpoint", "access", "address"] as const)("does not hold up a cancelled call of %s", async (question) => {
    await using mk = openMk(() => ({ [question]: hangs }));
    await using machine = await mk.start();
    const calls = {
      endpoint: () => machine.endpoint(80, { timeoutMs: 50 }),
      access: () => machine.access({ timeoutMs: 50 }),
      address: () => machine.address({ timeoutMs: 50 }),
    };
    await expect(calls[question]()).rejects.toMatchObject({ code: "TIMED_OUT" });
  });
});

describe("a driver that hangs where it opens its machine", () => {
  it("does not hold up a cancelled call, nor the end of mk, and what it opens late is closed", async () => {
    const slow = slowToOpen();
    {
      await using mk = openMk();
      await mk.start();
    }
    {
      await using mk = openMk(undefined, { drivers: [slow.driver] });
      const machine = await mk.machine("mk");
      await expect(machine.stop({ timeoutMs: 50 })).rejects.toMatchObject({ code: "TIMED_OUT" });
      machine.stop().catch(() => undefined);
    }
    slow.open();
    await until("the handle is closed", () => slow.isClosed());
  });

  it("is told from others in a list, and what it opens late is closed", async () => {
    const slow = slowToOpen();
    await using mk = openMk();
    await mk.start();
    await using waiting = openMk(undefined, { drivers: [slow.driver] });
    expect(await waiting.list()).toMatchObject([
      { status: { state: "unknown", reason: "driver process did not answer within 4 s" } },
    ]);
    slow.open();
    await until("the handle is closed", () => slow.isClosed());
  });
});

it("a driver that loses a promise does not end the program", async () => {
  {
    await using mk = openMk();
    await mk.start();
  }
  expect(await program("lost-promise")).toEqual({ code: 0, signal: null, said: "unknown" });
});

describe("a console", () => {
  /** Of a guest that says nothing, by a driver that does not end for a signal. */
  const silent = () => ({ console: { read: () => ({ [Symbol.asyncIterator]: () => ({ next: hangs }) }) } });
  const read = async (console: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const _ of console);
  };

  it("is read under the signal and the timeout of its call, whatever the driver does, and until the handle is disposed", async () => {
    await using mk = openMk();
    await mk.start();
    await using deaf = openMk(silent);
    const machine = await deaf.machine("mk");
    const [aborted, late, disposed] = [
      machine.console({ signal: AbortSignal.abort() }),
      machine.console({ follow: true, timeoutMs: 50 }),
      machine.console({ follow: true }),
    ].map(read);
    const cut = expect(disposed).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(aborted).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(late).rejects.toMatchObject({ code: "TIMED_OUT" });
    await machine[Symbol.asyncDispose]();
    await cut;
  });
});

describe("secrets", () => {
  const token = "correct-horse-battery";
  it.each(["inspect", "access", "endpoint"] as const)("are not in what %s throws", async (question) => {
    let refuse = false;
    await using mk = openMk((machine) => ({
      [question]: (...given: never[]) => {
        if (refuse) throw new Error(`refused ${token}`);
        return (machine[question] as (...args: never[]) => unknown)(...given);
      },
    }));
    await using machine = await mk.start({ driver: "process", options: { token } });
    refuse = true;
    for (const call of [() => mk.start(), () => machine.exec(["true"]), () => machine.endpoint(22), () => mk.list()]) {
      const error = await call().catch((thrown: unknown) => thrown);
      const { message, stack, cause, hint } = error as Error & { hint?: string };
      expect(JSON.stringify([error, message, stack, String(cause), hint])).not.toContain(token);
    }
  });

  it("are not in what a driver throws that cannot read the console", async () => {
    await using mk = openMk();
    await mk.start({ driver: "process", options: { token } });
    const read = () => {
      throw new Error(`refused ${token}`);
    };
    await using failing = openMk(() => ({ console: { read } }));
    const console = (await failing.machine("mk")).console()[Symbol.asyncIterator]();
    const error = await console.next().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "DRIVER_FAILED" });
    expect(JSON.stringify([error, String(error), String((error as Error).cause)])).not.toContain(token);
  });

  it("are not in what a driver throws that cannot open its machine", async () => {
    let refuse = false;
    const driver = processDriver();
    const strict = {
      ...driver,
      createDriver: (...given: Parameters<typeof driver.createDriver>) => {
        if (refuse) throw new Error(`refused ${token}`);
        return driver.createDriver(...given);
      },
    };
    await using mk = openMk(undefined, { drivers: [strict] });
    await using machine = await mk.start({ driver: "process", options: { token } });
    refuse = true;
    const error = await machine.stop().catch((thrown: unknown) => thrown);
    expect(JSON.stringify([error, String(error), String((error as Error).cause), await mk.list()])).not.toContain(
      token,
    );
  });
});

describe("a forward", () => {
  it("goes on after the machine was restarted, and ends with its handle", async () => {
    const service = createServer((socket) => socket.end("hello")).listen(0, "127.0.0.1");
    await once(service, "listening");
    const { port } = service.address() as { port: number };
    await using mk = openMk((machine) => ({
      access: async (op) => {
        const access = await machine.access(op);
        if (access.via !== "exec") return access;
        const [env = ""] = access.argv;
        // A netcat of our own: not every host has one.
        const netcat = `const s=require("net").connect(${port});s.on("error",()=>process.exit(1));process.stdin.pipe(s).pipe(process.stdout)`;
        const script = `if [ "$1" = nc ]; then exec node -e '${netcat}'; fi; exec "$@"`;
        return { via: "exec", argv: [env, "sh", "-c", script, "mk"] };
      },
    }));
    const machine = await mk.start();
    const { local } = await machine.forward({}, { port: 1 });
    if (!("port" in local)) throw new TypeError("not a port");
    expect(await ask(local)).toBe("hello");
    await machine.restart();
    expect(await ask(local)).toBe("hello");
    await machine[Symbol.asyncDispose]();
    const refused = await new Promise((resolve) => connect(local).once("error", resolve).once("connect", resolve));
    expect(refused).toMatchObject({ code: "ECONNREFUSED" });
    service.close();
  });
});

describe("disposing mk", () => {
  it("waits until what was begun is rolled back", async () => {
    const steps: string[] = [];
    const mk = openMk(undefined, {
      onEvent: ({ data }) => void ("step" in data && data.type === "step.started" && steps.push(data.step)),
    });
    const started = mk.start({ driver: "process", options: { boot: "silent" } }).catch((error: unknown) => error);
    const directory = home.join("machines", "mk");
    await until("it waits for SSH", () => steps.includes("ssh"));
    await mk[Symbol.asyncDispose]();
    expect(await machinePids(directory)).toEqual([]);
    expect(await started).toMatchObject({ code: "CANCELLED" });
  });

  it("lets a process end by itself that has disposed nothing else", async () => {
    {
      await using mk = openMk();
      await mk.start();
    }
    expect(await program("dispose-only")).toEqual({ code: 0, signal: null, said: "disposed" });
  });
});
