import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { PortLeases } from "./port-lease.js";

describe("a port lease", () => {
  test("holds a port of the loopback address until it is released", async () => {
    const leases = new PortLeases();
    const lease = await leases.lease();
    expect(lease.host).toBe("127.0.0.1");
    const taker = createServer().listen(lease.port, lease.host);
    expect((await once(taker, "error"))[0]).toMatchObject({ code: "EADDRINUSE" });
    await lease.release();
    await lease.release();
    taker.listen(lease.port, lease.host);
    await once(taker, "listening");
    taker.close();
  });

  test("is for the preferred port when that is free, else for another", async () => {
    const leases = new PortLeases();
    const first = await leases.lease();
    const second = await leases.lease({ preferred: first.port });
    expect(second.port).not.toBe(first.port);
    await first.release();
    await second.release();
    const third = await leases.lease({ preferred: first.port });
    expect(third.port).toBe(first.port);
    await third.release();
  });

  test("fails by name when exactly that port is taken", async () => {
    const leases = new PortLeases();
    const first = await leases.lease();
    await expect(leases.lease({ preferred: first.port, exact: true })).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(String(first.port)),
      hint: expect.any(String),
    });
    await first.release();
    const exact = await leases.lease({ preferred: first.port, exact: true });
    expect(exact.port).toBe(first.port);
    await exact.release();
  });

  test("is not given to another mk in the moment between release and the program's own listening", async () => {
    const ours = new PortLeases();
    // What another process would have: no memory of our claims.
    const theirs = new PortLeases();
    const lease = await ours.lease();
    await lease.release();
    const other = await theirs.lease({ preferred: lease.port });
    expect(other.port).not.toBe(lease.port);
    await other.release();
    const again = await ours.lease({ preferred: lease.port });
    expect(again.port).toBe(lease.port);
    await again.release();
  });

  test("gives all of it back a minute after it was released, unless it was taken again meanwhile", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const ours = new PortLeases();
      const theirs = new PortLeases();
      const theirsFor = async (preferred: number): Promise<number> => {
        const lease = await theirs.lease({ preferred });
        await lease.release();
        return lease.port;
      };
      const first = await ours.lease();
      await first.release();
      vi.advanceTimersByTime(59_000);
      const second = await ours.lease({ preferred: first.port });
      vi.advanceTimersByTime(60_000);
      await second.release();
      expect(second.port).toBe(first.port);
      expect(await theirsFor(first.port)).not.toBe(first.port);
      vi.advanceTimersByTime(60_000);
      expect(await theirsFor(first.port)).toBe(first.port);
    } finally {
      vi.useRealTimers();
    }
  });

  test("heeds the user's exact choice although an unrelated program has the UDP port", async () => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    const leases = new PortLeases();
    const lease = await leases.lease({ preferred: port, exact: true });
    expect(lease.port).toBe(port);
    await lease.release();
    socket.close();
  });

  test("is for a port of its own in each of 200 that are taken at once", async () => {
    const managers = Array.from({ length: 4 }, () => new PortLeases());
    const leases = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const lease = await managers[index % 4]!.lease();
        // Handed over at once: the claim alone keeps it apart.
        await lease.release();
        return lease.port;
      }),
    );
    expect(new Set(leases).size).toBe(200);
  });

  test("can be had on IPv6 and on other addresses of this computer", async () => {
    const leases = new PortLeases();
    const lease = await leases.lease({ host: "127.0.0.2" });
    expect(lease.host).toBe("127.0.0.2");
    await lease.release();
    await expect(leases.lease({ host: "192.0.2.1" })).rejects.toMatchObject({ code: "NETWORK_FAILED" });
  });
});
