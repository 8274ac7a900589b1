import { type GuestArch, MkError, type Operation } from "@mk/core";
import type { XzThreads } from "../deb/xz-threads.js";
import { download } from "../download/download.js";
import { fetchBytes } from "../download/fetch-bytes.js";
import type { HttpGet } from "../download/http-client.js";
import { type Release, verifyRelease } from "./in-release.js";
import { keepRelease, readKeptRelease } from "./kept-release.js";
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
  readonly xz: XzThreads;
}

/** Debian's current stable with its security updates, as one verified index says it is. */
export interface DebianArchive {
  readonly release: Release;
  readonly security: Release;
  readonly mirror: Mirror;
  readonly index: PackagesIndex;
  /** URLs of a package's file, one for each mirror. */
  urls(found: DebianPackage): readonly string[];
}

interface Suite {
  /** The mirror that answered, then those that were not needed so far. */
  readonly bases: readonly string[];
  readonly release: Release;
}

const MAX_RELEASE_BYTES = 4 * 1024 * 1024;

const releaseUrl = (base: string, suite: string): string => `${base}/dists/${suite}/InRelease`;

async function verify(text: string, url: string, suite: string, options: ArchiveOptions): Promise<Release> {
  const release = await verifyRelease(text, { ...options, url });
  // A mirror may not pass off another suite's signed file (an older stable, say) as this one.
  if (release.suite !== suite) {
    throw new MkError("INTEGRITY", `${url} is the release file of "${release.suite}"`, {
      hint: "Use another Debian mirror with --mirror.",
    });
  }
  return release;
}

/** The release of the last build from this address; undefined when there was none, or when it is no longer good. */
async function lastRelease(url: string, suite: string, options: ArchiveOptions): Promise<Release | undefined> {
  const text = await readKeptRelease(options.directory, url);
  return text === undefined ? undefined : verify(text, url, suite, options).catch(() => undefined);
}

async function fetchRelease(base: string, suite: string, options: ArchiveOptions, op: Operation): Promise<Release> {
  const url = releaseUrl(base, suite);
  const bytes = await fetchBytes(url, { signal: op.signal, get: options.get, maxBytes: MAX_RELEASE_BYTES });
  const text = bytes.toString("utf8");
  const [release, last] = [await verify(text, url, suite, options), await lastRelease(url, suite, options)];
  if (last !== undefined && last.date > release.date) {
    // A good signature does not make an old file new: what was seen before is not forgotten, as apt has it.
    op.log("debian mirror is behind itself", { url, served: release.date, kept: last.date });
    return last;
  }
  await keepRelease(options.directory, url, text);
  return release;
}

/**
 * The suite as the first of several bases has it. A mirror that is tampered with is passed over; when none is left, its error is thrown. When
 * none can be reached, the last release seen is good until it expires: with the packages of an earlier build, that needs no network.
 */
async function openSuite(
  bases: readonly string[],
  suite: string,
  options: ArchiveOptions,
  op: Operation,
): Promise<Suite> {
  let failure: unknown;
  for (const [index, base] of bases.entries()) {
    try {
      return { bases: bases.slice(index), release: await fetchRelease(base, suite, options, op) };
    } catch (error) {
      op.signal.throwIfAborted();
      op.log("debian mirror passed over", { base, suite, reason: (error as Error).message });
      if (failure === undefined || MkError.is(error, "INTEGRITY")) failure = error;
    }
  }
  if (MkError.is(failure, "DOWNLOAD_FAILED")) {
    for (const [index, base] of bases.entries()) {
      const release = await lastRelease(releaseUrl(base, suite), suite, options);
      if (release === undefined) continue;
      op.log("no debian mirror answers, going by the last release seen", { base, suite, date: release.date });
      return { bases: bases.slice(index), release };
    }
  }
  throw failure;
}

async function readPackages({ bases, release }: Suite, options: ArchiveOptions, op: Operation): Promise<Buffer> {
  const path = `main/binary-${options.arch}/Packages.xz`;
  const file = release.files.get(path);
  const plain = release.files.get(`main/binary-${options.arch}/Packages`);
  if (file === undefined || plain === undefined) {
    throw new MkError("INTEGRITY", `the release file of ${release.suite} lists no packages for ${options.arch}`);
  }
  const directory = (base: string): string => `${base}/dists/${release.suite}`;
  // By hash first: the plain name may already be a newer file while the mirror is being updated.
  const byHash = (base: string): string =>
    `${directory(base)}/main/binary-${options.arch}/by-hash/SHA256/${file.sha256}`;
  const urls = [...(release.acquireByHash ? bases.map(byHash) : []), `${directory(bases[0]!)}/${path}`];
  const fetched = await download(
    { name: `the package index of ${release.suite}`, urls, ...file },
    { signal: op.signal, directory: options.directory, get: options.get },
  );
  return options.xz.bytes({ path: fetched, offset: 0, size: file.size }, plain.size, op.signal);
}

/**
 * Opens Debian's current stable suite and its security updates: signature, dates, then the hash of each index.
 * INTEGRITY when something is not as signed, DOWNLOAD_FAILED when no mirror answers.
 */
export async function openArchive(options: ArchiveOptions, op: Operation): Promise<DebianArchive> {
  const main = await openSuite(
    options.mirrors.map(({ archive }) => archive),
    "stable",
    options,
    op,
  );
  const mirror = options.mirrors.find(({ archive }) => archive === main.bases[0])!;
  const security = await openSuite(mirror.security, "stable-security", options, op);
  if (!security.release.codename.startsWith(main.release.codename)) {
    throw new MkError(
      "INTEGRITY",
      `${security.bases[0]} has updates of ${security.release.codename}, not of ${main.release.codename}`,
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
    // The digest makes the mirrors equal: one that fails half way is followed by the next.
    urls: ({ source, filename }) =>
      suites[source]!.bases.map((base) => `${base}/${filename.split("/").map(encodeURIComponent).join("/")}`),
  };
}
