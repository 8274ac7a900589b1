import { once } from "node:events";
import { stat } from "node:fs/promises";
import { createServer } from "node:net";
import { temporaryDirectory } from "@mk/testing";
import { describe, expect, test } from "vitest";
import { MkError } from "../errors.js";
import { createNodeHost } from "./node-host.js";
import { assertUnixPath, unixPathLimit } from "./unix-path.js";

const LENGTHS = Array.from({ length: 71 }, (_, index) => 60 + index);

/** A path below `directory` of so many bytes, made of this character as far as it goes. */
function pathOf(directory: string, bytes: number, character: string): string {
  const left = bytes - Buffer.byteLength(directory) - 1;
  const size = Buffer.byteLength(character);
  return `${directory}/${character.repeat(Math.floor(left / size))}${"x".repeat(left % size)}`;
}

describe("assertUnixPath", () => {
  test.each(["x", "é", "☃", "𝒳"])("lets through exactly what binds under its own name, in %s", async (character) => {
    await using directory = await temporaryDirectory();
    for (const bytes of LENGTHS) {
      const path = pathOf(directory.path, bytes, character);
      expect(Buffer.byteLength(path)).toBe(bytes);
      if (bytes > unixPathLimit(process.platform)) {
        expect(() => assertUnixPath(path, process.platform)).toThrow(
          expect.objectContaining({ code: "PATH_TOO_LONG", details: expect.objectContaining({ bytes }) }),
        );
        continue;
      }
      assertUnixPath(path, process.platform);
      const server = createServer().listen(path);
      await once(server, "listening");
      expect((await stat(path)).isSocket()).toBe(true);
      server.close();
      await once(server, "close");
    }
  });

  test("knows each system's limit", () => {
    const path = `/${"x".repeat(104)}`;
    assertUnixPath(path, "linux");
    expect(() => assertUnixPath(path, "darwin")).toThrow(MkError);
    assertUnixPath(path.slice(0, 103), "darwin");
    assertUnixPath(`\\\\.\\pipe\\${"x".repeat(200)}`, "win32");
  });
});

describe("connect", () => {
  test("refuses a socket path that is too long before it tries", async () => {
    const host = createNodeHost();
    await expect(
      host.network.connect({ path: `/tmp/${"x".repeat(120)}` }, AbortSignal.timeout(10_000)),
    ).rejects.toMatchObject({ code: "PATH_TOO_LONG" });
  });
});
