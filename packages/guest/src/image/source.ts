import { MkError, type Operation } from "@mk/core";
import { readArchiveKeyring } from "../assets.js";
import type { XzThreads } from "../deb/xz-threads.js";
import { readAptConfiguration } from "../debian/apt-configuration.js";
import { type DebianArchive, openArchive } from "../debian/archive.js";
import { blamingMirror, chooseMirrors } from "../debian/mirrors.js";
import type { DebianPackage } from "../debian/packages-index.js";
import { resolvePackages } from "../debian/resolve.js";
import { download } from "../download/download.js";
import { type HttpGet, httpClient, proxyFromEnvironment } from "../download/http-client.js";
import { ARCH_PACKAGES, EXCLUDED, KERNEL, PACKAGES } from "../recipe/packages.js";
import type { BuildImageOptions } from "./build-image.js";
import type { ImageLock } from "./manifest.js";
import { together } from "./together.js";

const PARALLEL_DOWNLOADS = 6;

/** Where an image comes from: a verified archive, and what is taken of it. */
export interface Source {
  readonly archive: DebianArchive;
  readonly packages: readonly DebianPackage[];
  readonly kernel: DebianPackage;
  readonly get: HttpGet;
}

/** Opens the archive and decides what the image is made of. INTEGRITY, DOWNLOAD_FAILED. */
export async function openSource(
  options: BuildImageOptions,
  downloads: string,
  xz: XzThreads,
  op: Operation,
): Promise<Source> {
  const env = options.env ?? process.env;
  const apt = await readAptConfiguration(options.aptDirectory);
  const fromEnv = proxyFromEnvironment(env);
  const get = httpClient(fromEnv.httpProxy === undefined && fromEnv.httpsProxy === undefined ? apt.proxy : fromEnv);
  const mirrors = chooseMirrors({ option: options.mirror, env, apt });
  const from = {
    mirrors,
    keyring: options.keyring ?? (await readArchiveKeyring()),
    arch: options.arch,
    get,
    directory: downloads,
    now: options.now ?? Date.now(),
    checkValidUntil: apt.checkValidUntil,
    xz,
  };
  const archive = await blamingMirror(mirrors, () => openArchive(from, op));
  const packages = resolvePackages(archive.index, {
    packages: [...PACKAGES, ...ARCH_PACKAGES[options.arch]],
    exclude: EXCLUDED,
  });
  const meta = archive.index.find(KERNEL[options.arch]);
  const kernelName = meta?.depends.flat().find(({ name }) => name.startsWith("linux-image-"))?.name;
  const kernel = kernelName === undefined ? undefined : archive.index.find(kernelName);
  if (kernel === undefined) throw new MkError("INTEGRITY", `Debian's package index has no kernel for ${options.arch}`);
  return { archive, packages, kernel, get };
}

/** Packages on their way: who needs one waits for its file. */
export class PackageFiles {
  readonly #files = new Map<DebianPackage, Promise<string>>();
  readonly #arrived = new Map<DebianPackage, (path: string) => void>();

  constructor({ kernel, packages }: Source) {
    for (const each of [kernel, ...packages]) {
      this.#files.set(each, new Promise((resolve) => this.#arrived.set(each, resolve)));
    }
  }

  /** The path of a package's verified file, once it is there. */
  async wait(wanted: DebianPackage, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      void this.#files.get(wanted)!.then(resolve);
    });
  }

  arrived(found: DebianPackage, path: string): void {
    this.#arrived.get(found)!(path);
  }
}

/** Downloads all packages, several at a time. The first failure aborts the rest. */
export async function fetchPackages(
  source: Source,
  files: PackageFiles,
  downloads: string,
  op: Operation,
): Promise<void> {
  const all = [source.kernel, ...source.packages].sort((a, b) => b.size - a.size);
  const total = all.reduce((sum, { size }) => sum + size, 0);
  await op.step("image-download", "downloading packages from Debian", async (report) => {
    const queue = [...all];
    let done = 0;
    let reported = 0;
    const onBytes = (bytes: number): void => {
      done += bytes;
      // A chunk is 16 to 64 KiB; nobody needs thousands of reports.
      if (done !== total && Math.abs(done - reported) < total / 400) return;
      reported = done;
      report({ done, total, unit: "bytes" });
    };
    const worker = async (signal: AbortSignal): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const name = `${next.name} ${next.version}`;
        const request = { name, urls: source.archive.urls(next), sha256: next.sha256, size: next.size };
        files.arrived(next, await download(request, { signal, directory: downloads, get: source.get, onBytes }));
      }
    };
    const workers = Array.from({ length: PARALLEL_DOWNLOADS }, () => worker);
    await blamingMirror([source.archive.mirror], () => together(workers, op.signal));
  });
}

/** The record of what an image is made of. */
export function imageLock(source: Source): ImageLock {
  const { release } = source.archive;
  const packages = [source.kernel, ...source.packages]
    .map(({ name, version, architecture, filename, size, sha256 }) => ({
      name,
      version,
      architecture,
      filename,
      size,
      sha256,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    schema: 1,
    debian: { version: release.version, codename: release.codename, date: release.date.toISOString() },
    packages,
  };
}
