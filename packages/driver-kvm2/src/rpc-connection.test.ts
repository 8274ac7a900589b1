import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { LibvirtError, RpcConnection } from "./rpc-connection.js";
import { XdrReader, XdrWriter } from "./xdr.js";

const PROGRAM = 0x20008086;

/** A connection and the far end of its stream, with what arrives there. */
function connection() {
  const [near, far] = duplexPair();
  return { rpc: new RpcConnection(near), far };
}

function frame(
  {
    procedure = 1,
    type = 1,
    serial = 1,
    status = 0,
    program = PROGRAM,
  }: Partial<Record<"procedure" | "type" | "serial" | "status" | "program", number>>,
  body = new XdrWriter(),
): Buffer {
  const bytes = body.toBuffer();
  return Buffer.concat([
    new XdrWriter()
      .uint(28 + bytes.length)
      .uint(program)
      .uint(1)
      .int(procedure)
      .int(type)
      .uint(serial)
      .int(status)
      .toBuffer(),
    bytes,
  ]);
}

const never = new AbortController().signal;

describe("RpcConnection", () => {
  it("writes a call as length, program, version, procedure, type, serial, status and body", async () => {
    const { rpc, far } = connection();
    const reply = rpc.call(23, new XdrWriter().string("dev"), never);
    const sent = new XdrReader(await once(far));
    expect([
      sent.uint(),
      sent.uint(),
      sent.uint(),
      sent.int(),
      sent.int(),
      sent.uint(),
      sent.int(),
      sent.string(),
    ]).toEqual([36, PROGRAM, 1, 23, 0, 1, 0, "dev"]);
    far.write(frame({ procedure: 23 }, new XdrWriter().int(7)));
    expect((await reply).int()).toBe(7);
  });

  it("matches replies to calls by serial, in any order and in any pieces", async () => {
    const { rpc, far } = connection();
    const replies = [rpc.call(1, new XdrWriter(), never), rpc.call(1, new XdrWriter(), never)];
    const bytes = Buffer.concat([
      frame({ serial: 2 }, new XdrWriter().int(22)),
      frame({ serial: 1 }, new XdrWriter().int(11)),
    ]);
    for (const byte of bytes) far.write(Buffer.of(byte));
    expect((await Promise.all(replies)).map((reply) => reply.int())).toEqual([11, 22]);
  });

  it("hands events to listeners until they are disposed, and passes over other programs", async () => {
    const { rpc, far } = connection();
    const heard: number[] = [];
    const subscription = rpc.onEvent((event) => heard.push(event.body.int()));
    far.write(frame({ program: 0x6b656570, type: 2 }, new XdrWriter().int(1)));
    far.write(frame({ type: 2, serial: 0 }, new XdrWriter().int(2)));
    const reply = rpc.call(1, new XdrWriter(), never);
    far.write(frame({}));
    await reply;
    subscription[Symbol.dispose]();
    far.write(frame({ type: 2, serial: 0 }, new XdrWriter().int(3)));
    const second = rpc.call(1, new XdrWriter(), never);
    far.write(frame({ serial: 2 }));
    await second;
    expect(heard).toEqual([2]);
  });

  it("lets every listener read an event from its beginning", async () => {
    const { rpc, far } = connection();
    const heard: number[] = [];
    for (let listener = 0; listener < 2; listener++) rpc.onEvent((event) => heard.push(event.body.int()));
    far.write(frame({ type: 2, serial: 0 }, new XdrWriter().int(7)));
    const reply = rpc.call(1, new XdrWriter(), never);
    far.write(frame({}));
    await reply;
    expect(heard).toEqual([7, 7]);
  });

  it("ends with PROTOCOL_ERROR at an event that its listener cannot read", async () => {
    const { rpc, far } = connection();
    rpc.onEvent((event) => void event.body.string());
    const reply = rpc.call(1, new XdrWriter(), never);
    far.write(frame({ type: 2, serial: 0 }, new XdrWriter().uint(99)));
    await expect(reply).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
  });

  it("rejects with libvirt's own error code and text", async () => {
    const { rpc, far } = connection();
    const reply = rpc.call(1, new XdrWriter(), never);
    far.write(
      frame(
        { status: 1 },
        new XdrWriter()
          .int(42)
          .int(10)
          .optional("Domain not found", (writer, text) => writer.string(text)),
      ),
    );
    await expect(reply).rejects.toEqual(expect.objectContaining({ code: 42, message: "Domain not found" }));
    await expect(reply).rejects.toBeInstanceOf(LibvirtError);
  });

  it("rejects with the signal's reason and leaves no listener on it", async () => {
    const { rpc } = connection();
    const controller = new AbortController();
    const reply = rpc.call(1, new XdrWriter(), controller.signal);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(reply).rejects.toBe(reason);
    await expect(rpc.call(1, new XdrWriter(), controller.signal)).rejects.toBe(reason);
  });

  it.each([
    ["a length below the header's", Buffer.from([0, 0, 0, 4, 0, 0, 0, 0])],
    ["a length of 2 GiB", Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ["text", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ])("ends with PROTOCOL_ERROR at %s", async (_what, bytes) => {
    const { rpc, far } = connection();
    const reply = rpc.call(1, new XdrWriter(), never);
    far.write(bytes);
    await expect(reply).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
    expect(rpc.closed.aborted).toBe(true);
  });

  it("rejects every call when the daemon goes away", async () => {
    const { rpc, far } = connection();
    const replies = [rpc.call(1, new XdrWriter(), never), rpc.call(2, new XdrWriter(), never)];
    far.destroy();
    rpc.close();
    for (const reply of replies) await expect(reply).rejects.toMatchObject({ code: "NETWORK_FAILED" });
    await expect(rpc.call(3, new XdrWriter(), never)).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  });
});

function once(stream: NodeJS.ReadableStream): Promise<Buffer> {
  return new Promise((resolve) => stream.once("data", resolve));
}
