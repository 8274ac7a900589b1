import { MkError } from "@mk/core";
// A CommonJS bundle whose names Node cannot see: only the default import works as published.
import xz from "xz-decompress";

/** Decompresses a stream of xz. INTEGRITY when it is damaged. */
export async function* unxzStream(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  const input = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.(undefined);
    },
  });
  try {
    for await (const chunk of new xz.XzReadableStream(input) as AsyncIterable<Uint8Array>) yield chunk;
  } catch (cause) {
    if (MkError.is(cause)) throw cause;
    throw new MkError("INTEGRITY", "Data compressed by xz is damaged.", { cause });
  }
}

/** Decompresses a buffer of xz whose size is known. INTEGRITY when it is damaged or has another size. */
export async function unxz(bytes: Uint8Array, size: number): Promise<Buffer> {
  const result = Buffer.allocUnsafe(size);
  let offset = 0;
  for await (const chunk of unxzStream(once(bytes))) {
    if (offset + chunk.length > size)
      throw new MkError("INTEGRITY", `Data compressed by xz is longer than ${size} bytes.`);
    result.set(chunk, offset);
    offset += chunk.length;
  }
  if (offset !== size) throw new MkError("INTEGRITY", `Data compressed by xz has ${offset} bytes instead of ${size}.`);
  return result;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
