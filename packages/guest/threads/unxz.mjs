// A thread of src/deb/xz-threads.ts: decompresses one source after the other and sends the pieces. Plain JavaScript, since a thread starts
// from a file of its own and the tests run the sources as they are.
import { createReadStream } from "node:fs";
import { parentPort } from "node:worker_threads";
// A CommonJS bundle whose names Node cannot see: only the default import works as published.
import xz from "xz-decompress";

/** Pieces (64 KiB) that may be under way: the receiver may be slower. */
const MOST_AHEAD = 64;

let ahead = 0;
let wake = () => undefined;

parentPort.on("message", async (message) => {
  if (message === "taken") {
    ahead -= 1;
    wake();
    return;
  }
  try {
    await decompress(message);
    parentPort.postMessage({ end: true });
  } catch (error) {
    parentPort.postMessage({ failure: error instanceof Error ? error.message : String(error) });
  }
});

async function decompress(source) {
  const input =
    "bytes" in source ? [source.bytes] : createReadStream(source.path, { ...range(source), highWaterMark: 1 << 18 });
  for await (const piece of new xz.XzReadableStream(ReadableStream.from(input))) {
    while (ahead >= MOST_AHEAD) {
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
    ahead += 1;
    parentPort.postMessage({ piece }, [piece.buffer]);
  }
}

const range = ({ offset, size }) => ({ start: offset, end: offset + size - 1 });
