import { MkError } from "@mk/core";
import { config, readCleartextMessage, readKeys, verify } from "openpgp";
import { parseStanza } from "./control.js";

export interface ReleaseFile {
  /** Hex. */
  readonly sha256: string;
  readonly size: number;
}

/** A verified release file of one suite. */
export interface Release {
  readonly suite: string;
  readonly codename: string;
  /** `13.2` and the like. */
  readonly version: string;
  readonly date: Date;
  /** Key ids of the good signatures. */
  readonly signers: readonly string[];
  readonly acquireByHash: boolean;
  /** Index files by their path below the suite's directory. */
  readonly files: ReadonlyMap<string, ReleaseFile>;
}

export interface VerifyReleaseOptions {
  /** Debian's archive keys, an OpenPGP key ring. */
  readonly keyring: Uint8Array;
  /** Names the file in errors. */
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** False where the administrator of the host switched the check off in apt's configuration. */
  readonly checkValidUntil: boolean;
}

/** Clocks differ; a release dated later than this is from the future. As apt's Acquire::Max-FutureTime. */
const FUTURE_TOLERANCE_MS = 10_000;

const refuse = (url: string, why: string, hint?: string, cause?: unknown): MkError =>
  new MkError("INTEGRITY", `${url} ${why}`, { hint: hint ?? "Use another Debian mirror with --mirror.", cause });

async function verifiedText(text: string, options: VerifyReleaseOptions) {
  const { url } = options;
  const message = await readCleartextMessage({ cleartextMessage: text }).catch((cause: unknown) => {
    throw refuse(
      url,
      "is not a signed release file",
      "Check that nothing between here and the mirror rewrites its answers.",
      cause,
    );
  });
  const verificationKeys = await readKeys({ binaryKeys: options.keyring });
  const date = new Date(options.now);
  // The keys of Debian's archive are RSA 4096 and Ed25519; signatures over SHA-1 and the like stay refused.
  const settings = { ...config, minRSABits: 2048 };
  const result = await verify({ message, verificationKeys, date, config: settings });
  const signers: string[] = [];
  let failure: unknown;
  for (const signature of result.signatures) {
    try {
      await signature.verified;
      // Signed while the key was good is not enough: whoever got hold of an old key can write any date.
      const key = verificationKeys.find((each) => each.getKeys(signature.keyID).length > 0);
      await key?.getSigningKey(signature.keyID, date, undefined, settings);
      signers.push(signature.keyID.toHex());
    } catch (cause) {
      failure = cause;
    }
  }
  if (signers.length === 0) throw refuse(url, "has no good signature by a key of Debian's archive", undefined, failure);
  return { text: result.data, signers };
}

/**
 * Verifies an InRelease file and parses what was signed, nothing around it. INTEGRITY when no signature by a key of the keyring is good,
 * when it is from the future, or when its Valid-Until has passed. Source: https://wiki.debian.org/DebianRepository/Format.
 */
export async function verifyRelease(inRelease: string, options: VerifyReleaseOptions): Promise<Release> {
  const { url, now } = options;
  const { text, signers } = await verifiedText(inRelease, options);
  const stanza = parseStanza(text.replaceAll("\r\n", "\n"));
  const date = new Date(stanza.get("date") ?? "");
  if (Number.isNaN(date.getTime())) throw refuse(url, "has no date");
  if (date.getTime() > now + FUTURE_TOLERANCE_MS) {
    throw refuse(url, `is dated ${date.toISOString()}, which is in the future`, "Set this computer's clock.");
  }
  const validUntil = stanza.get("valid-until");
  if (options.checkValidUntil && validUntil !== undefined && !(new Date(validUntil).getTime() >= now)) {
    throw refuse(
      url,
      `was valid until ${validUntil}`,
      "Use a mirror that is up to date, or set this computer's clock.",
    );
  }
  const files = new Map<string, ReleaseFile>();
  for (const line of (stanza.get("sha256") ?? "").split("\n")) {
    const [sha256, size, path] = line.trim().split(/\s+/);
    if (sha256 === undefined || size === undefined || path === undefined) continue;
    if (/^[0-9a-f]{64}$/.test(sha256)) files.set(path, { sha256, size: Number(size) });
  }
  return {
    suite: stanza.get("suite") ?? "",
    codename: stanza.get("codename") ?? "",
    version: stanza.get("version") ?? "",
    date,
    signers,
    acquireByHash: stanza.get("acquire-by-hash") === "yes",
    files,
  };
}
