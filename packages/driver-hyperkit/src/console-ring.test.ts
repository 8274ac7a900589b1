import { fc, test } from "@fast-check/vitest";
import { scriptedHost } from "@mk/conformance";
import { describe, expect } from "vitest";
import { followRing, RingReader, ringText } from "./console-ring.js";

/** HyperKit's side of the ring. */
class Ring {
  readonly bytes: Uint8Array;
  #next = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  write(text: string): void {
    for (const byte of Buffer.from(text)) {
      this.bytes[this.#next] = byte;
      this.#next = (this.#next + 1) % this.bytes.length;
    }
  }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("RingReader", () => {
  test("reads what was written since it read last", () => {
    const ring = new Ring(32);
    const reader = new RingReader();
    expect(text(reader.read(ring.bytes))).toBe("");
    ring.write("one ");
    expect(text(reader.read(ring.bytes))).toBe("one ");
    ring.write("two ");
    expect(text(reader.read(ring.bytes))).toBe("two ");
    expect(text(reader.read(ring.bytes))).toBe("");
  });

  test("reads over the end of the ring", () => {
    const ring = new Ring(8);
    const reader = new RingReader();
    ring.write("abcdef");
    reader.read(ring.bytes);
    ring.write("ghijk");
    expect(text(reader.read(ring.bytes))).toBe("ghijk");
  });

  test("begins anew when HyperKit made the ring anew", () => {
    const reader = new RingReader();
    const first = new Ring(16);
    first.write("first");
    reader.read(first.bytes);
    reader.read(new Uint8Array());
    const second = new Ring(16);
    second.write("first");
    expect(text(reader.read(second.bytes))).toBe("first");
  });

  test("begun on a full ring, reads what is written then from the beginning of its line, and nothing twice", () => {
    const ring = new Ring(32);
    for (let line = 0; line < 9; line++) ring.write(`line ${line}\n`);
    const reader = new RingReader();
    expect(reader.read(ring.bytes)).toHaveLength(32);
    expect(text(reader.read(ring.bytes))).toBe("");
    ring.write("mk-guest: ready\n");
    expect(text(reader.read(ring.bytes))).toBe("mk-guest: ready\n");
    ring.write("after\n");
    expect(text(reader.read(ring.bytes))).toBe("after\n");
  });

  test.prop([fc.array(fc.stringMatching(/^[a-z]{0,20}$/), { maxLength: 12 })])(
    "reads everything but what equals the byte it replaced, which comes with the next",
    (parts) => {
      const ring = new Ring(24);
      const reader = new RingReader();
      let read = "";
      for (const part of parts) {
        ring.write(part);
        read += text(reader.read(ring.bytes));
      }
      expect(parts.join("").startsWith(read)).toBe(true);
      ring.write("#");
      expect(read + text(reader.read(ring.bytes))).toBe(`${parts.join("")}#`);
    },
  );
});

test("ringText is what the guest wrote, without the zeros behind it", () => {
  const ring = new Ring(64);
  ring.write("mk-guest: init uptime=0.1\n");
  expect(ringText(ring.bytes)).toBe("mk-guest: init uptime=0.1\n");
});

test("followRing gives what is there, then what comes, and ends with its signal", async () => {
  await using host = scriptedHost();
  const ring = new Ring(64);
  const enough = new AbortController();
  ring.write("one ");
  host.files.place("/ring", ring.bytes);
  let seen = "";
  for await (const bytes of followRing(host, "/ring", enough.signal)) {
    seen += text(bytes);
    if (seen === "one two ") enough.abort();
    if (seen === "one ") {
      ring.write("two ");
      host.files.place("/ring", ring.bytes);
    }
  }
  expect(seen).toBe("one two ");
});
