import { createServer } from "node:net";
import { basename } from "node:path";
import type { Driver, EventData, ImageSource } from "@mk/core";
import { API_VERSION, HEARTBEAT, METHODS, PLUGIN_DRIVER_NAME, PLUGIN_TOKEN } from "../protocol/methods.js";
import { acceptGoRpc } from "../rpc/handshake.js";
import { serveRpc } from "../rpc/rpc-server.js";
import { installedImages } from "./installed-images.js";
import { isOfThisUser } from "./peer-owner.js";
import { PluginBackend } from "./plugin-backend.js";

/** A Go host stops reading a pipe for good at 64 KiB of one line. */
const MAX_LINE = 16_384;
const TICK_MS = 1_000;
/** What a roll-back may take before the process ends all the same. */
const ROLL_BACK_MS = 30_000;

/** What a plugin may need besides its driver. */
export interface ServePluginOptions {
  /** Default: the guest images of `@mk/guest` in the user's own mk home. */
  readonly images?: ImageSource;
}

/**
 * Is a `docker-machine-driver-<name>` program: serves a driver to the docker-machine, rancher-machine or mk that started this process. Ends the process: with 0
 * after Close, with 1 when it hears no heartbeat for 10 s or the parent is gone; what was running is rolled back before.
 *
 * The driver answers to the name it was started under, `mk<name>` unless the program was given another.
 */
export async function servePlugin(driver: Driver, options: ServePluginOptions = {}): Promise<void> {
  if (process.env[PLUGIN_TOKEN.name] !== PLUGIN_TOKEN.value) {
    process.stderr.write(
      `This is a plugin of docker-machine (API version ${API_VERSION}): mk's driver ${driver.name}.\n` +
        `It is started by its host, for example by \`docker-machine create -d mk${driver.name} NAME\`.\n`,
    );
    process.exitCode = 1;
    return;
  }
  const backend = new PluginBackend({
    name: servedName(driver),
    driver,
    images: options.images ?? installedImages(),
    onEvent: tell,
  });
  let ending = false;
  const end = (exitCode: number): void => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(exitCode), ROLL_BACK_MS).unref();
    // The answer to Close goes out before.
    setImmediate(() => void backend.close().finally(() => process.exit(exitCode)));
  };
  // Counted and not measured: Ctrl-Z stops this process together with its host, and neither has fallen silent when they go on.
  let silentTicks = 0;
  const parent = process.ppid;
  setInterval(() => {
    if (ending) return;
    // The protocol gives no pipe whose end would tell that the host is gone: the parent's number does.
    if (process.ppid !== parent) end(1);
    else if (++silentTicks * TICK_MS >= HEARTBEAT.timeoutMs) {
      process.stderr.write("no heartbeat from the host\n");
      end(1);
    }
  }, TICK_MS);
  const service = backend
    .service()
    .on(METHODS.Heartbeat, () => {
      silentTicks = 0;
    })
    .on(METHODS.Close, () => end(0));

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    void isOfThisUser(socket).then(async (isWelcome) => {
      if (!isWelcome) socket.destroy();
      else if (await acceptGoRpc(socket)) serveRpc(socket, service);
    });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end(1));
  // A host that went away leaves broken pipes behind: writing to them must not end a roll-back.
  process.stdout.on("error", () => undefined);
  process.stderr.on("error", () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("a TCP server has an address with a port");
  process.stdout.write(`127.0.0.1:${address.port}\n`);
}

/** The host asks by the program's name, and stores the machine under what DriverName answers: the two must agree. */
function servedName(driver: Driver): string {
  const program = /^docker-machine-driver-(.+?)(?:\.m?js|\.exe)?$/.exec(basename(process.argv[1] ?? ""))?.[1];
  return process.env[PLUGIN_DRIVER_NAME] || program || `mk${driver.name}`;
}

/** docker-machine shows stdout as information and stderr with --debug only. */
function tell(event: EventData): void {
  switch (event.type) {
    case "step.started":
      if (event.parent === undefined) print(process.stdout, event.title);
      return;
    case "note":
      print(event.level === "warning" ? process.stdout : process.stderr, event.message);
      return;
    case "guest.marker":
      print(process.stderr, `guest: ${event.marker}`);
      return;
    default:
      return;
  }
}

function print(stream: NodeJS.WriteStream, text: string): void {
  for (const line of text.split("\n")) stream.write(`${line.slice(0, MAX_LINE)}\n`);
}
