import { readFile } from "node:fs/promises";
import { type GuestArch, MkError, type Operation } from "@mk/core";
import { unxz } from "../deb/unxz.js";
import { download } from "../download/download.js";
import { fetchBytes } from "../download/fetch-bytes.js";
import type { HttpGet } from "../download/http-client.js";
import { type Release, verifyRelease } from "./in-release.js";
import type { Mirror } from "./mirrors.js";
import { type DebianPackage, PackagesIndex } from "./packages-index.js";

export interface ArchiveOptions {
  readonly mirrors: readonly Mirror[];
  readonly keyring: Uint8Array;
  readonly arch: GuestArch;
  readonly get: HttpGet;
  /** Where downloads are kept. */
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly checkValidUntil: boolean;
}

/** Debian's current stable with its security updates, as one verified index says it is. */
export interface DebianArchive {
  readonly release: Release;
  readonly security: Release;
  readonly mirror: Mirror;
  readonly index: PackagesIndex;
  /** URLs of a package's file. */
  urls(found: DebianPackage): readonly string[];
}

interface Suite {
  readonly base: string;
  readonly release: Release;
}

const MAX_RELEASE_BYTES = 4 * 1024 * 1024;

async function openSuite(base: string, suite: string, options: ArchiveOptions, signal: AbortSignal): Promise<Suite> {
  const url = `${base}/dists/${suite}/InRelease`;
  const bytes = await fetchBytes(url, { signal, get: options.get, maxBytes: MAX_RELEASE_BYTES });
  const release = await verifyRelease(bytes.toString("utf8"), { ...options, url });
  // A mirror may not pass off another suite's signed file (an older stable, say) as this one.
  if (release.suite !== suite) {
    throw new MkError("INTEGRITY", `${url} is the release file of "${release.suite}".`, {
      hint: "Use another Debian mirror with --mirror.",
    });
  }
  return { base, release };
}

/** The first of several bases that serves the suite. A mirror that is tampered with is passed over; when none is left, its error is thrown. */
async function openFirst(
  bases: readonly string[],
  suite: string,
  options: ArchiveOptions,
  op: Operation,
): Promise<Suite> {
  let failure: unknown;
  for (const base of bases) {
    try {
      return await openSuite(base, suite, options, op.signal);
    } catch (error) {
      op.signal.throwIfAborted();
      op.log("debian mirror passed over", { base, suite, reason: (error as Error).message });
      if (failure === undefined || MkError.is(error, "INTEGRITY")) failure = error;
    }
  }
  throw failure;
}

async function readPackages({ base, release }: Suite, options: ArchiveOptions, op: Operation): Promise<Buffer> {
  const path = `main/binary-${options.arch}/Packages.xz`;
  const file = release.files.get(path);
  const plain = release.files.get(`main/binary-${options.arch}/Packages`);
  if (file === undefined || plain === undefined) {
    throw new MkError("INTEGRITY", `The release file of ${release.suite} lists no packages for ${options.arch}.`);
  }
  const directory = `${base}/dists/${release.suite}`;
  // By hash first: the plain name may already be a newer file while the mirror is being updated.
  const byHash = `${directory}/main/binary-${options.arch}/by-hash/SHA256/${file.sha256}`;
  const name = `The package index of ${release.suite}`;
  const fetched = await download(
    { name, urls: [...(release.acquireByHash ? [byHash] : []), `${directory}/${path}`], ...file },
    { signal: op.signal, directory: options.directory, get: options.get },
  );
  return unxz(await readFile(fetched), plain.size);
}

/**
 * Opens Debian's current stable suite and its security updates: signature, dates, then the hash of each index.
 * INTEGRITY when something is not as signed, DOWNLOAD_FAILED when no mirror answers.
 */
export async function openArchive(options: ArchiveOptions, op: Operation): Promise<DebianArchive> {
  const main = await openFirst(
    options.mirrors.map(({ archive }) => archive),
    "stable",
    options,
    op,
  );
  const mirror = options.mirrors.find(({ archive }) => archive === main.base)!;
  const security = await openFirst(mirror.security, "stable-security", options, op);
  if (!security.release.codename.startsWith(main.release.codename)) {
    throw new MkError(
      "INTEGRITY",
      `${security.base} has updates of ${security.release.codename}, not of ${main.release.codename}.`,
      {
        hint: "Use a mirror that is up to date.",
      },
    );
  }
  const suites = [main, security];
  const indexes = await Promise.all(suites.map((suite) => readPackages(suite, options, op)));
  return {
    release: main.release,
    security: security.release,
    mirror,
    index: new PackagesIndex(indexes),
    urls: ({ source, filename }) => [
      `${suites[source]!.base}/${filename.split("/").map(encodeURIComponent).join("/")}`,
    ],
  };
}
