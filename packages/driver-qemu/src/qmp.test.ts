import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { until } from "@mk/testing";
import { afterEach, describe, expect, test } from "vitest";
import { QmpConnection } from "./qmp.js";

const GREETING = '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}\r\n';

interface Request {
  readonly execute: string;
  readonly id: string;
}

type Answer = (request: Request, socket: Socket) => void;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A QMP server on a real socket that greets, agrees to capabilities and leaves all else to `answer`. */
async function serve(answer: Answer, greet: (socket: Socket) => void = (socket) => void socket.write(GREETING)) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
      for (let cut = text.indexOf("\n"); cut >= 0; cut = text.indexOf("\n")) {
        const request = JSON.parse(text.slice(0, cut)) as Request;
        text = text.slice(cut + 1);
        if (request.execute === "qmp_capabilities") reply(socket, request, {});
        else answer(request, socket);
      }
    });
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    sockets,
    open: (signal = AbortSignal.timeout(20_000)) => QmpConnection.open(connect({ host: "127.0.0.1", port }), signal),
  };
}

function reply(socket: Socket, { id }: Request, value: unknown): void {
  socket.write(`${JSON.stringify({ return: value, id })}\r\n`);
}

const never = () => AbortSignal.timeout(20_000);

describe("QmpConnection", () => {
  test("answers each command with its own reply, whatever the order", async () => {
    const waiting: [Request, Socket][] = [];
    const server = await serve((request, socket) => {
      waiting.push([request, socket]);
      if (waiting.length < 3) return;
      for (const [each, to] of waiting.splice(0).reverse()) reply(to, each, each.execute);
    });
    await using qmp = await server.open();
    const answers = ["a", "b", "c"].map((command) => qmp.execute(command, {}, never()));
    expect(await Promise.all(answers)).toEqual(["a", "b", "c"]);
  });

  test("reads messages however the stream cuts them", async () => {
    const server = await serve((request, socket) => {
      const bytes = Buffer.from(`${JSON.stringify({ return: "é€😀", id: request.id })}\r\n`);
      for (const byte of bytes) socket.write(Uint8Array.of(byte));
    });
    await using qmp = await server.open();
    expect(await qmp.execute("query", {}, never())).toBe("é€😀");
  });

  test("reads several messages of one piece, events among them", async () => {
    const event = '{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}\r\n';
    const server = await serve(
      (request, socket) => socket.write(`${event}{"return": 1, "id": "${request.id}"}\r\n${event}`),
      (socket) => socket.write(event + GREETING + event),
    );
    await using qmp = await server.open();
    expect(await qmp.execute("query", {}, never())).toBe(1);
    for (let count = 0; count < 4; count += 1) {
      expect(await qmp.event(["STOP"], never())).toEqual({ event: "STOP", data: {} });
    }
  });

  test("reads a line of a megabyte", async () => {
    const text = "x".repeat(1024 * 1024);
    const server = await serve((request, socket) => reply(socket, request, text));
    await using qmp = await server.open();
    expect(await qmp.execute("query", {}, never())).toBe(text);
  });

  test("refuses a line without an end", async () => {
    const server = await serve((_, socket) => {
      const chunk = Buffer.alloc(1024 * 1024, "x");
      for (let count = 0; count < 18; count += 1) socket.write(chunk);
    });
    await using qmp = await server.open();
    await expect(qmp.execute("query", {}, never())).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
  });

  test.each(["HTTP/1.1 400 Bad Request", "[]", "42", '{"QMP":', "\u0000\u0001\u00ff"])(
    "refuses what is no QMP: %j",
    async (line) => {
      const server = await serve(
        () => undefined,
        (socket) => socket.write(`${line}\r\n`),
      );
      await expect(server.open()).rejects.toMatchObject({
        code: "PROTOCOL_ERROR",
        details: { received: expect.any(String) },
      });
    },
  );

  test("gives QEMU's words when it refuses a command", async () => {
    const server = await serve((request, socket) => {
      const error = { class: "GenericError", desc: "Device 'x' not found" };
      socket.write(`${JSON.stringify({ error, id: request.id })}\r\n`);
    });
    await using qmp = await server.open();
    await expect(qmp.execute("block_resize", {}, never())).rejects.toMatchObject({
      code: "DRIVER_FAILED",
      message: "QEMU refused block_resize: Device 'x' not found",
      details: { class: "GenericError" },
    });
  });

  test("rejects everything that waits when QEMU closes the connection", async () => {
    const server = await serve((_, socket) => socket.end());
    await using qmp = await server.open();
    const closed = { code: "NETWORK_FAILED" };
    const event = expect(qmp.event(["SHUTDOWN"], never())).rejects.toMatchObject(closed);
    await expect(qmp.execute("quit", {}, never())).rejects.toMatchObject(closed);
    await event;
    await expect(qmp.execute("late", {}, never())).rejects.toMatchObject(closed);
  });

  test("rejects when QEMU closes the connection before it greets", async () => {
    const server = await serve(
      () => undefined,
      (socket) => socket.end(),
    );
    await expect(server.open()).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  });

  test("ends with the signal's own reason when QEMU is silent, and closes the connection", async () => {
    const server = await serve(
      () => undefined,
      () => undefined,
    );
    const controller = new AbortController();
    const opening = server.open(controller.signal);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(opening).rejects.toBe(reason);
    await until("the connection is closed", () =>
      [...server.sockets].every((socket) => socket.closed || socket.destroyed || socket.readableEnded),
    );
  });

  test("ends one command with its signal's reason and goes on with the next", async () => {
    const server = await serve((request, socket) => {
      if (request.execute === "answered") reply(socket, request, "yes");
    });
    await using qmp = await server.open();
    const reason = new Error("enough");
    const controller = new AbortController();
    const silent = qmp.execute("silent", {}, controller.signal);
    controller.abort(reason);
    await expect(silent).rejects.toBe(reason);
    await expect(qmp.execute("never sent", {}, controller.signal)).rejects.toBe(reason);
    expect(await qmp.execute("answered", {}, never())).toBe("yes");
  });

  test("gives each event once, in order, by name", async () => {
    const server = await serve((request, socket) => {
      socket.write('{"event": "A", "data": {"n": 1}}\n{"event": "B"}\n{"event": "A", "data": {"n": 2}}\n');
      reply(socket, request, {});
    });
    await using qmp = await server.open();
    const waiting = qmp.event(["A"], never());
    await qmp.execute("go", {}, never());
    expect((await waiting).data).toEqual({ n: 1 });
    expect((await qmp.event(["A", "B"], never())).event).toBe("B");
    expect((await qmp.event(["A", "B"], never())).data).toEqual({ n: 2 });
    await expect(qmp.event(["A"], AbortSignal.abort(new Error("no more")))).rejects.toThrow("no more");
  });

  test("answers the human monitor's text without the ends of its lines", async () => {
    const server = await serve((request, socket) => reply(socket, request, "two\r\nlines\r\n"));
    await using qmp = await server.open();
    expect(await qmp.monitor("info usernet", never())).toBe("two\r\nlines");
  });
});
