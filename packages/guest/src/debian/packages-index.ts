import { MkError } from "@mk/core";
import { parseStanza } from "./control.js";
import { compareVersions, type VersionRelation } from "./version.js";

/** One alternative of a dependency. */
export interface Dependency {
  readonly name: string;
  readonly constraint?: { readonly relation: VersionRelation; readonly version: string };
}

/** A binary package of the archive. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Path below the archive's base. */
  readonly filename: string;
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  /** Which archive it comes from: the index of the list of sources. */
  readonly source: number;
  /** Depends and Pre-Depends: all of the list, any of each member. */
  readonly depends: readonly (readonly Dependency[])[];
  /** Names it provides, with the version when one is stated. */
  readonly provides: readonly { readonly name: string; readonly version?: string }[];
}

const NEWLINE = 0x0a;

/** Parses `a (>= 1) | b, c:any` as Debian's policy 7.1 has it; architecture qualifiers are dropped. */
export function parseDependencies(text: string): readonly (readonly Dependency[])[] {
  return text
    .split(",")
    .map((group) => group.trim())
    .filter((group) => group !== "")
    .map((group) =>
      group.split("|").map((alternative): Dependency => {
        const match = /^\s*([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?\s*(?:\(\s*(<<|<=|=|>=|>>)\s*([^)\s]+)\s*\))?/.exec(
          alternative,
        );
        if (match === null)
          throw new MkError("INTEGRITY", `the package index has a dependency "${alternative.trim()}"`);
        const [, name, relation, version] = match;
        if (relation === undefined || version === undefined) return { name: name! };
        return { name: name!, constraint: { relation: relation as VersionRelation, version } };
      }),
    );
}

function parsePackage(text: string, source: number): DebianPackage {
  const stanza = parseStanza(text);
  const field = (name: string): string => {
    const value = stanza.get(name);
    if (value === undefined) throw new MkError("INTEGRITY", `a stanza of the package index has no field ${name}`);
    return value;
  };
  const sha256 = field("sha256");
  const filename = field("filename");
  const size = Number(field("size"));
  if (!/^[0-9a-f]{64}$/.test(sha256) || filename.split("/").includes("..") || !Number.isSafeInteger(size)) {
    throw new MkError("INTEGRITY", `the package index has an invalid entry for ${field("package")}`);
  }
  const depends = [stanza.get("pre-depends"), stanza.get("depends")].filter((value) => value !== undefined).join(", ");
  return {
    name: field("package"),
    version: field("version"),
    architecture: field("architecture"),
    filename,
    size,
    sha256,
    source,
    depends: parseDependencies(depends),
    provides: parseDependencies(stanza.get("provides") ?? "").map(([provided]) => ({
      name: provided!.name,
      ...(provided!.constraint !== undefined && { version: provided!.constraint.version }),
    })),
  };
}

/**
 * The packages of one or more archives. The text (57 MB for main) is kept as bytes and a stanza is parsed when it is asked for: of
 * 69,000 packages an image needs about 70.
 */
export class PackagesIndex {
  readonly #byName = new Map<string, { readonly bytes: Buffer; readonly source: number }[]>();
  readonly #providers = new Map<string, Set<string>>();

  constructor(sources: readonly Buffer[]) {
    for (const [source, bytes] of sources.entries()) this.#add(bytes, source);
  }

  #add(bytes: Buffer, source: number): void {
    let start = 0;
    while (start < bytes.length) {
      while (bytes[start] === NEWLINE) start++;
      let end = bytes.indexOf("\n\n", start);
      if (end === -1) end = bytes.length;
      if (end > start) this.#addStanza(bytes.subarray(start, end), source);
      start = end + 2;
    }
  }

  #addStanza(bytes: Buffer, source: number): void {
    if (!bytes.subarray(0, 9).equals(Buffer.from("Package: "))) {
      throw new MkError("INTEGRITY", "the package index is not a list of packages");
    }
    const end = bytes.indexOf(NEWLINE);
    const name = bytes.toString("latin1", 9, end === -1 ? bytes.length : end).trim();
    const versions = this.#byName.get(name) ?? [];
    versions.push({ bytes, source });
    this.#byName.set(name, versions);
    const at = bytes.indexOf("\nProvides: ");
    if (at === -1) return;
    const lineEnd = bytes.indexOf(NEWLINE, at + 1);
    const provides = bytes.toString("utf8", at + 11, lineEnd === -1 ? bytes.length : lineEnd);
    for (const [provided] of parseDependencies(provides)) {
      const providers = this.#providers.get(provided!.name) ?? new Set();
      this.#providers.set(provided!.name, providers.add(name));
    }
  }

  /** The newest version of a real package, or undefined. */
  find(name: string): DebianPackage | undefined {
    const versions = this.#byName.get(name)?.map(({ bytes, source }) => parsePackage(bytes.toString("utf8"), source));
    return versions?.reduce((newest, other) => (compareVersions(other.version, newest.version) > 0 ? other : newest));
  }

  /** Packages that provide a virtual name, sorted by name. */
  providers(name: string): readonly DebianPackage[] {
    return [...(this.#providers.get(name) ?? [])].sort().map((provider) => this.find(provider)!);
  }
}
