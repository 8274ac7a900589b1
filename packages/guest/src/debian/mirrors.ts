import { MkError } from "@mk/core";
import type { AptConfiguration, AptSource } from "./apt-configuration.js";

/** A place that serves Debian's archive. */
export interface Mirror {
  /** Base of the main archive, without a slash at its end. */
  readonly archive: string;
  /** Bases of the security archive, tried in turn. */
  readonly security: readonly string[];
  /** For people: by what the user named it. Absent for those of apt and of Debian. */
  readonly givenBy?: string;
}

/** For everyone, of Debian's list of mirrors; one for networks that let no plain HTTP out. Source: https://www.debian.org/mirror/list. */
const PUBLISHED = ["http://ftp.debian.org", "https://mirrors.edge.kernel.org", "http://ftp.us.debian.org"];
const PUBLISHED_SECURITY = [
  "https://security.debian.org/debian-security",
  "http://security.debian.org/debian-security",
  "https://mirrors.edge.kernel.org/debian-security",
];

const isHttp = (uri: string): boolean => /^https?:\/\//.test(uri);

const isSecurity = (source: AptSource): boolean => source.suites.some((suite) => suite.endsWith("-security"));

// Derivatives (Ubuntu, Raspbian) have other suites and keys, so a source counts as Debian's by the name of its archive.
const isDebian = (source: AptSource): boolean =>
  isHttp(source.uri) && /\/debian(-security)?$/.test(source.uri) && source.components.includes("main");

const trim = (uri: string): string => uri.replace(/\/+$/, "");

function mirrorAt(uri: string): Mirror {
  const archive = trim(uri);
  const beside = /\/debian$/.test(archive) ? [`${archive}-security`] : [];
  return { archive, security: [...beside, ...PUBLISHED_SECURITY] };
}

function named(uri: string, givenBy: string): Mirror {
  if (isHttp(uri) && URL.canParse(uri)) return { ...mirrorAt(uri), givenBy };
  throw new MkError("INVALID_ARGUMENT", `"${uri}", given by ${givenBy}, is not the address of a mirror`, {
    hint: "Give an address such as http://ftp.debian.org/debian.",
  });
}

export interface MirrorChoice {
  /** `--mirror`. */
  readonly option?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly apt: AptConfiguration;
}

/**
 * The mirrors to try, in order. One that was named (by option, or by MK_DEBIAN_MIRROR) is the only one; else the host's own, then Debian's
 * published ones. Which mirror serves a file never matters for trust: everything is checked against Debian's signature. INVALID_ARGUMENT.
 */
export function chooseMirrors({ option, env, apt }: MirrorChoice): readonly Mirror[] {
  if (option !== undefined && option !== "") return [named(option, "the option --mirror")];
  const fromEnv = env.MK_DEBIAN_MIRROR;
  if (fromEnv !== undefined && fromEnv !== "") return [named(fromEnv, "MK_DEBIAN_MIRROR")];
  const own = apt.sources.filter(isDebian);
  const ownSecurity = own.filter(isSecurity).map(({ uri }) => uri);
  const fromApt = own
    .filter((source) => !isSecurity(source))
    .map(
      ({ uri }): Mirror => ({
        archive: uri,
        security: [...new Set([...ownSecurity, ...mirrorAt(uri).security])],
      }),
    );
  const published = PUBLISHED.map((base) => mirrorAt(`${base}/debian`));
  const seen = new Set<string>();
  return [...fromApt, ...published].filter(({ archive }) => !seen.has(archive) && seen.add(archive));
}

/** Runs what downloads from these mirrors. When the user named the mirror, its failure says so: there is no other that could be tried. */
export async function blamingMirror<T>([mirror]: readonly Mirror[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (mirror?.givenBy === undefined || !MkError.is(error)) throw error;
    if (error.code !== "DOWNLOAD_FAILED" && error.code !== "INTEGRITY") throw error;
    const { archive, givenBy } = mirror;
    const { hint, docs, details, cause } = error;
    throw new MkError(error.code, `${error.message} (the mirror is ${archive}, given by ${givenBy})`, {
      hint:
        error.code === "INTEGRITY" ? hint : `Check the address of the mirror and the network, or leave out ${givenBy}.`,
      docs,
      details,
      cause,
    });
  }
}
