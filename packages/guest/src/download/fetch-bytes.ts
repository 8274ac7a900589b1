import { MkError } from "@mk/core";
import { drain, type HttpGet } from "./http-client.js";
import { retry } from "./retry.js";

export interface FetchBytesOptions {
  readonly signal: AbortSignal;
  readonly get: HttpGet;
  /** A longer answer is refused. */
  readonly maxBytes: number;
  readonly timeoutMs?: number;
  readonly attempts?: number;
}

/** A status that says that the server does not have it: another attempt changes nothing. */
class Refused extends Error {}

/** Fetches a small file of unknown size into memory. DOWNLOAD_FAILED when it cannot be had. */
export async function fetchBytes(url: string, options: FetchBytesOptions): Promise<Buffer> {
  const { signal } = options;
  try {
    return await retry(() => attempt(url, options), {
      signal,
      attempts: options.attempts ?? 3,
      baseDelayMs: 500,
      maxDelayMs: 5_000,
      transient: (error) => !(error instanceof Refused),
    });
  } catch (error) {
    signal.throwIfAborted();
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new MkError("DOWNLOAD_FAILED", `${url} could not be downloaded: ${(cause as Error).message}`, {
      hint: "Check the network and the proxy settings, or give another Debian mirror with --mirror.",
      cause: error,
    });
  }
}

async function attempt(url: string, options: FetchBytesOptions): Promise<Buffer> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs ?? 30_000)]);
  const response = await options.get(url, { headers: { "user-agent": "mk" }, signal });
  if (response.status !== 200) {
    await drain(response);
    const message = `the server answered ${response.status}`;
    throw response.status >= 400 && response.status < 500 && response.status !== 429
      ? new Refused(message)
      : new Error(message);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > options.maxBytes) throw new Refused(`it is longer than ${options.maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
