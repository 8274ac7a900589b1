import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import {
  createTransport,
  generateSshKeyPair,
  hostKeyAlias,
  knownHostsLine,
  type SshDeadlines,
  type Transport,
} from "@mk/core";
import { temporaryDirectory } from "@mk/testing";
import ssh2, { type Connection } from "ssh2";
import { host } from "./private-sshd.js";

export interface FakeServer extends AsyncDisposable {
  readonly transport: Transport;
}

/** A transport to a server on loopback that does with each connection as it is told. */
export async function fakeServer(
  behave: (socket: Socket, hostKey: string) => void,
  deadlines: Partial<SshDeadlines> = {},
  from = host,
): Promise<FakeServer> {
  const directory = await temporaryDirectory();
  const [user, key] = await Promise.all([generateSshKeyPair(), generateSshKeyPair()]);
  await writeFile(directory.join("id_ed25519"), user.privateKey);
  await writeFile(directory.join("known_hosts"), knownHostsLine(hostKeyAlias("fake"), key.publicKey));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    behave(socket, key.privateKey);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const transport = createTransport(
    from,
    { via: "ssh", host: "127.0.0.1", port: portOf(server), user: "mk", hostKey: "pinned" },
    { machine: { name: "fake", directory: directory.path }, deadlines },
  );
  return {
    transport,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Speaks SSH on a socket by ssh2's own server, which is told how to misbehave. */
export function speakSsh(socket: Socket, hostKey: string, onConnection: (connection: Connection) => void): void {
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
    connection.on("error", () => undefined);
    onConnection(connection);
  });
  server.injectSocket(socket);
}

function portOf(server: NetServer): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("not a TCP server");
  return address.port;
}
