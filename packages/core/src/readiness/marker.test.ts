import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { consoleLines } from "./console-lines.js";
import { parseMarker } from "./marker.js";

describe("a marker", () => {
  it("has an event, the guest's uptime and fields", () => {
    expect(parseMarker('mk-guest: failed uptime=3.25 service=dockerd reason="no space: \\"/data\\""')).toEqual({
      event: "failed",
      uptimeSeconds: 3.25,
      fields: { service: "dockerd", reason: 'no space: "/data"' },
    });
  });

  it("may stand behind what the kernel wrote", () => {
    expect(parseMarker("[    1.23] random: crng mk-guest: ssh uptime=2")).toEqual({
      event: "ssh",
      uptimeSeconds: 2,
      fields: {},
    });
  });

  it.each([
    "",
    "mk-guest:",
    "mk-guest: ssh",
    "mk-guest: ssh uptime=",
    "mk-guest: ssh uptime=x",
    "mk-guest: SSH uptime=1",
    'mk-guest: failed uptime=1 reason="torn',
    "mk-guest: ready uptime=1.0[    2.0] eth0: link up",
    "mk-guest ready uptime=1",
  ])("is not in %j", (line) => {
    expect(parseMarker(line)).toBeUndefined();
  });

  test.prop([fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string())])(
    "carries any text in its fields",
    (fields) => {
      const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
      expect(parseMarker(`mk-guest: data uptime=1.5${rest.join("")}`)?.fields).toEqual(fields);
    },
  );

  it("is read in linear time whatever the console says", () => {
    expect(parseMarker(`mk-guest: a uptime=1${' a="'.repeat(20_001)}`)).toBeUndefined();
  });
});

describe("console lines", () => {
  const lines = async (...chunks: readonly (string | Uint8Array)[]): Promise<readonly string[]> => {
    const found: string[] = [];
    const source = (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk);
    })();
    for await (const line of consoleLines(source)) found.push(line);
    return found;
  };

  it("are whole whatever the chunks", async () => {
    expect(await lines("mk-gu", "est: ssh uptime=1\r", "\nmk-guest: ready uptime=2\r\r\nrest")).toEqual([
      "mk-guest: ssh uptime=1",
      "mk-guest: ready uptime=2",
      "rest",
    ]);
  });

  it("lose terminal control sequences and keep characters split over chunks", async () => {
    const euro = Buffer.from("€");
    expect(await lines("\x1b[2J\x1b[01;31mred\x1b[0m ", euro.subarray(0, 1), euro.subarray(1), "\x07\n")).toEqual([
      "red €",
    ]);
  });

  it("come in pieces when they never end", async () => {
    const found = await lines("x".repeat(10_000));
    expect(Math.max(...found.map((line) => line.length))).toBeLessThanOrEqual(4096);
    expect(found.join("")).toBe("x".repeat(10_000));
  });
});
