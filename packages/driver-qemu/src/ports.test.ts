import { duplexPair } from "node:stream";
import { scriptedHost } from "@mk/conformance";
import { describe, expect, test } from "vitest";
import { openForward, reserveForwards } from "./ports.js";
import { QmpConnection } from "./qmp.js";

const never = () => AbortSignal.timeout(20_000);
const LOOPBACK = "127.0.0.1";

/** A monitor that gives these answers to `hostfwd_add`, in turn, then success. */
async function monitor(answers: readonly string[]) {
  const [client, server] = duplexPair();
  const lines: string[] = [];
  const left = [...answers];
  server.write('{"QMP": {}}\n');
  server.on("data", (chunk: Buffer) => {
    const { execute, arguments: args, id } = JSON.parse(chunk.toString());
    if (execute === "human-monitor-command") lines.push(args["command-line"]);
    server.write(
      `${JSON.stringify({ return: execute === "human-monitor-command" ? (left.shift() ?? "") : {}, id })}\n`,
    );
  });
  return { qmp: await QmpConnection.open(client, never()), lines };
}

describe("reserveForwards", () => {
  test("holds ports for SSH, the engine and what was asked for, on loopback", async () => {
    const host = scriptedHost();
    const reserved = await reserveForwards(host, [{ hostAddress: LOOPBACK, hostPort: 8080, guestPort: 80 }], []);
    expect(reserved.map(({ guestPort }) => guestPort)).toEqual([22, 2376, 80]);
    expect(reserved.map(({ lease }) => lease.host)).toEqual([LOOPBACK, LOOPBACK, LOOPBACK]);
    expect(reserved[2]?.lease.port).toBe(8080);
  });

  test("takes last time's ports if they are free, else others", async () => {
    const host = scriptedHost();
    const last = [
      { host: LOOPBACK, port: 30_022, guestPort: 22 },
      { host: LOOPBACK, port: 32_376, guestPort: 2376 },
    ];
    await host.network.leasePort({ preferred: 32_376 });
    const [ssh, engine] = await reserveForwards(host, [], last);
    expect(ssh?.lease.port).toBe(30_022);
    expect(engine?.lease.port).not.toBe(32_376);
  });

  test("holds none when one that the user named is taken", async () => {
    const host = scriptedHost();
    await host.network.leasePort({ preferred: 8080 });
    const before = host.inventory();
    const asked = reserveForwards(host, [{ hostAddress: LOOPBACK, hostPort: 8080, guestPort: 80 }], []);
    await expect(asked).rejects.toMatchObject({ code: "PORT_IN_USE" });
    expect(host.inventory()).toEqual(before);
  });

  test("does not forward a port twice that the user already forwards", async () => {
    const reserved = await reserveForwards(
      scriptedHost(),
      [{ hostAddress: LOOPBACK, hostPort: 2222, guestPort: 22 }],
      [],
    );
    expect(reserved.map(({ guestPort, lease }) => [guestPort, lease.port])).toEqual([
      [2376, expect.any(Number)],
      [22, 2222],
    ]);
  });
});

describe("openForward", () => {
  const REFUSED = "could not set up host forwarding rule 'tcp:127.0.0.1:20000-:22'";

  test("takes another port when a program was faster than QEMU", async () => {
    const host = scriptedHost();
    const [ssh] = await reserveForwards(host, [], []);
    const { qmp, lines } = await monitor([REFUSED, REFUSED]);
    const forward = await openForward(host, qmp, ssh!, never());
    expect(lines).toHaveLength(3);
    expect(forward.port).not.toBe(ssh?.lease.port);
    expect(lines[2]).toBe(`hostfwd_add net0 tcp:127.0.0.1:${forward.port}-:22`);
    qmp.close();
  });

  test("gives up a port that the user named", async () => {
    const host = scriptedHost();
    const reserved = await reserveForwards(host, [{ hostAddress: LOOPBACK, hostPort: 8080, guestPort: 80 }], []);
    const { qmp, lines } = await monitor([REFUSED]);
    await expect(openForward(host, qmp, reserved[2]!, never())).rejects.toMatchObject({
      code: "PORT_IN_USE",
      details: { host: LOOPBACK, port: 8080, guestPort: 80 },
    });
    expect(lines).toHaveLength(1);
    qmp.close();
  });

  test("gives up in the end when no port works at all", async () => {
    const host = scriptedHost();
    const [ssh] = await reserveForwards(host, [], []);
    const { qmp } = await monitor(Array.from({ length: 100 }, () => "Device 'net0' not found"));
    await expect(openForward(host, qmp, ssh!, never())).rejects.toMatchObject({ code: "PORT_IN_USE" });
    qmp.close();
  });
});
