import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MkError } from "@mk/core";
import { drain, type HttpGet, type HttpResponse } from "./http-client.js";
import { retry } from "./retry.js";

/** A file of known contents. */
export interface DownloadRequest {
  /** For messages: `docker.io 26.1.5`. */
  readonly name: string;
  /** Tried in turn; the digest makes them equal. */
  readonly urls: readonly string[];
  /** Hex. */
  readonly sha256: string;
  readonly size: number;
}

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Where finished and partial files live, named by their digest. */
  readonly directory: string;
  readonly get: HttpGet;
  /** Bytes that arrived since the last call; negative when a partial file had to be dropped. */
  readonly onBytes?: (bytes: number) => void;
  /** A server that sends nothing for so long is given up. Default 30 s. */
  readonly stallMs?: number;
  /** Attempts in all. Default 5. */
  readonly attempts?: number;
  /** Ceiling of the first pause between attempts. Default 500 ms. */
  readonly retryDelayMs?: number;
}

/** An attempt that failed in a way that another attempt may not. */
class Transient extends Error {}

/** What was received is not what was asked for: the partial file is worthless. */
class WrongContents extends Error {}

const DEFAULT_STALL_MS = 30_000;

async function hashFile(path: string, signal: AbortSignal): Promise<{ readonly hash: Hash; readonly size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return { hash, size };
}

/** At which offset the body of an answer starts; Transient when it is of no use. */
function bodyOffset(response: HttpResponse, asked: number, size: number): number {
  if (response.status === 200) {
    const length = response.headers.get("content-length");
    const encoded = response.headers.get("content-encoding");
    if (encoded !== null && encoded !== "identity") throw new Transient(`the server sent it ${encoded} encoded`);
    if (length !== null && Number(length) !== size) throw new Transient(`the server has ${length} bytes of ${size}`);
    return 0;
  }
  if (response.status === 206 && continues(response, asked, size)) return asked;
  throw new Transient(`the server answered ${response.status}`);
}

/** Whether a partial answer is the rest of the file from the offset that was asked for. */
function continues(response: HttpResponse, asked: number, size: number): boolean {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  return match !== null && Number(match[1]) === asked && (match[2] === "*" || Number(match[2]) === size);
}

/** Turns silence of the server into an error. */
async function* unstalled(body: AsyncIterable<Uint8Array>, stall: AbortController, stallMs: number) {
  const timer = setTimeout(
    () => stall.abort(new Transient(`the server sent nothing for ${stallMs / 1000} s`)),
    stallMs,
  );
  try {
    for await (const chunk of body) {
      timer.refresh();
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}

async function attemptDownload(url: string, request: DownloadRequest, part: string, options: DownloadOptions) {
  const { signal, onBytes } = options;
  const stall = new AbortController();
  const either = AbortSignal.any([signal, stall.signal]);
  const previous = await hashFile(part, signal);
  const etagFile = `${part}.etag`;
  if (previous.size > request.size) throw new WrongContents("the partial file is too long");

  let { hash, size } = previous;
  if (size < request.size) {
    const ask = async (range: Readonly<Record<string, string>>): Promise<HttpResponse> => {
      const connectTimer = setTimeout(
        () => stall.abort(new Transient("the server did not answer")),
        options.stallMs ?? DEFAULT_STALL_MS,
      );
      try {
        const headers = { "accept-encoding": "identity", "user-agent": "mk", ...range };
        return await options.get(url, { headers, signal: either });
      } finally {
        clearTimeout(connectTimer);
      }
    };
    let response = await ask(size > 0 ? await rangeFrom(size, etagFile, url) : {});
    const isOtherRange = response.status === 206 && !continues(response, size, request.size);
    if (size > 0 && (isOtherRange || response.status === 416)) {
      // Of no use, but nothing against what is here: that stays until the server sends the whole.
      await drain(response);
      response = await ask({});
    }
    let offset: number;
    try {
      offset = bodyOffset(response, size, request.size);
    } catch (error) {
      await drain(response);
      throw error;
    }
    if (offset === 0 && size > 0) {
      onBytes?.(-size);
      hash = createHash("sha256");
      size = 0;
    }
    await writeFile(etagFile, `${new URL(url).origin}\n${response.headers.get("etag") ?? ""}`, { mode: 0o600 });
    await using file = await open(part, offset === 0 ? "w" : "a", 0o600);
    for await (const chunk of unstalled(response.body ?? emptyBody(), stall, options.stallMs ?? DEFAULT_STALL_MS)) {
      if (size + chunk.length > request.size) throw new WrongContents("the server sent more than it should");
      await file.appendFile(chunk);
      hash.update(chunk);
      size += chunk.length;
      onBytes?.(chunk.length);
    }
    if (size < request.size) throw new Transient(`the connection ended after ${size} of ${request.size} bytes`);
    await file.datasync();
  }
  if (hash.digest("hex") !== request.sha256)
    throw new WrongContents("its SHA-256 digest is not what the signed index says");
}

/** The headers that ask for a file's rest. */
async function rangeFrom(offset: number, etagFile: string, url: string): Promise<Readonly<Record<string, string>>> {
  const range = `bytes=${offset}-`;
  // A weak or foreign tag only costs a full answer; the digest decides about the contents.
  const [owner, tag] = (await readFile(etagFile, "utf8").catch(() => "")).split("\n");
  return owner === new URL(url).origin && tag?.startsWith('"') === true ? { range, "if-range": tag } : { range };
}

/** fetch hides the reason in its cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.message === "fetch failed" ? error.cause.message : error.message;
}

/** Whether the file is there, whole and right. One that is not, for a disk or a person changed it, is removed. */
async function isComplete(path: string, request: DownloadRequest, signal: AbortSignal): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return false;
  if (found.size === request.size && (await hashFile(path, signal)).hash.digest("hex") === request.sha256) return true;
  await rm(path, { force: true });
  return false;
}

/**
 * Brings a file of known size and digest into the directory and returns its path. What is there is not fetched again; a partial file is
 * continued. Nothing but a complete, verified file ever has the final name. No two processes may use a directory at once.
 * INTEGRITY when every server sent something else, DOWNLOAD_FAILED when none sent it whole, NO_SPACE when the disk is full.
 */
export async function download(request: DownloadRequest, options: DownloadOptions): Promise<string> {
  const { signal, directory } = options;
  const target = join(directory, request.sha256);
  const part = `${target}.part`;
  if (await isComplete(target, request, signal)) {
    options.onBytes?.(request.size);
    return target;
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const partial = await stat(part).catch(() => undefined);
  options.onBytes?.(partial?.size ?? 0);
  try {
    await retry((attempt) => tryOnce(request, attempt, part, options), {
      signal,
      attempts: options.attempts ?? 5,
      baseDelayMs: options.retryDelayMs ?? 500,
      maxDelayMs: 10_000,
      transient: (error) => !isLocal(error),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw asMkError(error, request, directory);
  }
  await rename(part, target);
  await rm(`${part}.etag`, { force: true });
  return target;
}

async function tryOnce(
  request: DownloadRequest,
  attempt: number,
  part: string,
  options: DownloadOptions,
): Promise<void> {
  const url = request.urls[attempt % request.urls.length]!;
  try {
    await attemptDownload(url, request, part, options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof WrongContents) {
      const worthless = await stat(part).catch(() => undefined);
      options.onBytes?.(-(worthless?.size ?? 0));
      await rm(part, { force: true });
      throw new WrongContents(`${url}: ${error.message}`, { cause: error });
    }
    throw isLocal(error) ? error : new Transient(`${url}: ${describe(error)}`, { cause: error });
  }
}

/** Errors of this computer's file system: trying again changes nothing. */
function isLocal(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return (
    code === "ENOSPC" ||
    code === "EDQUOT" ||
    code === "EROFS" ||
    code === "EACCES" ||
    (code === "EIO" && syscall !== undefined)
  );
}

function asMkError(error: unknown, request: DownloadRequest, directory: string): MkError {
  if (isLocal(error)) {
    const full = ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
    return new MkError(
      full ? "NO_SPACE" : "IO_FAILED",
      `writing the download of ${request.name} to ${directory} failed`,
      {
        hint: full ? "Free some space on that disk." : `Check the permissions of ${directory}.`,
        cause: error,
      },
    );
  }
  if (error instanceof WrongContents) {
    return new MkError("INTEGRITY", `${request.name} is not what Debian signed: ${error.message}`, {
      hint: "Use another Debian mirror with --mirror.",
      cause: error.cause,
    });
  }
  return new MkError("DOWNLOAD_FAILED", `${request.name} could not be downloaded: ${describe(error)}`, {
    hint: "Check the network and the proxy settings, then run the command again: it goes on where it stopped.",
    cause: (error as Error).cause,
  });
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}
