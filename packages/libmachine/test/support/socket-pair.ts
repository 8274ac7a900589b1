import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface SocketPair extends AsyncDisposable {
  readonly near: Socket;
  readonly far: Socket;
}

/** Two ends of one TCP connection. */
export async function socketPair(): Promise<SocketPair> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const near = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(near, "connect");
  const [far] = await accepted;
  far.on("error", () => undefined);
  near.on("error", () => undefined);
  server.close();
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.destroy();
      far.destroy();
    },
  };
}
