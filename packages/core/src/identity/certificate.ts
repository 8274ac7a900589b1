import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP, isIPv4 } from "node:net";
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from "./der.js";

/** A certificate with its key, both PEM. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly privateKey: string;
}

const DAY_MS = 86_400_000;
/** A guest's clock may be behind the host's: a certificate must not be "not yet valid" there. */
const BACKDATE_MS = 7 * DAY_MS;
const VALIDITY_MS = 10 * 365 * DAY_MS;

const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const COMMON_NAME = "2.5.4.3";
const BASIC_CONSTRAINTS = "2.5.29.19";
const KEY_USAGE = "2.5.29.15";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const SUBJECT_ALT_NAME = "2.5.29.17";
const SUBJECT_KEY_ID = "2.5.29.14";
const AUTHORITY_KEY_ID = "2.5.29.35";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** A self-signed authority of its own (P-256) that may sign end certificates only. */
export function createAuthority(commonName: string): CertifiedKey {
  const keys = newKeys();
  return issue({
    subject: commonName,
    keys,
    issuer: commonName,
    issuerKeys: keys,
    extensions: [
      extension(BASIC_CONSTRAINTS, sequence(boolean(true), integer(Buffer.from([0]))), true),
      // keyCertSign, cRLSign
      extension(KEY_USAGE, bitString(Buffer.from([0x06]), 1), true),
    ],
  });
}

/** A TLS server certificate, valid for these DNS names and IP addresses. */
export function createServerCertificate(
  authority: CertifiedKey,
  commonName: string,
  hosts: readonly string[],
): CertifiedKey {
  const names = hosts.map((host) =>
    isIP(host) === 0 ? implicit(2, Buffer.from(host, "ascii")) : implicit(7, addressBytes(host)),
  );
  return issueEnd(authority, commonName, SERVER_AUTH, [extension(SUBJECT_ALT_NAME, sequence(...names))]);
}

/** A TLS client certificate. */
export function createClientCertificate(authority: CertifiedKey, commonName: string): CertifiedKey {
  return issueEnd(authority, commonName, CLIENT_AUTH, []);
}

function issueEnd(
  authority: CertifiedKey,
  subject: string,
  purpose: string,
  extensions: readonly Buffer[],
): CertifiedKey {
  const issuerPublic = createPublicKey(authority.certificate);
  return issue({
    subject,
    keys: newKeys(),
    issuer: authorityName(authority),
    issuerKeys: { publicKey: issuerPublic, privateKey: authority.privateKey },
    extensions: [
      extension(BASIC_CONSTRAINTS, sequence(), true),
      // digitalSignature
      extension(KEY_USAGE, bitString(Buffer.from([0x80]), 7), true),
      extension(EXTENDED_KEY_USAGE, sequence(objectIdentifier(purpose))),
      ...extensions,
    ],
  });
}

interface Issue {
  readonly subject: string;
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly issuer: string;
  readonly issuerKeys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject | string };
  readonly extensions: readonly Buffer[];
}

/** RFC 5280 §4.1. */
function issue({ subject, keys, issuer, issuerKeys, extensions }: Issue): CertifiedKey {
  const now = Math.floor(Date.now() / 1000) * 1000;
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256));
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    distinguishedName(issuer),
    sequence(time(new Date(now - BACKDATE_MS)), time(new Date(now + VALIDITY_MS))),
    distinguishedName(subject),
    keys.publicKey.export({ type: "spki", format: "der" }),
    explicit(
      3,
      sequence(
        ...extensions,
        extension(SUBJECT_KEY_ID, octetString(keyId(keys.publicKey))),
        extension(AUTHORITY_KEY_ID, sequence(implicit(0, keyId(issuerKeys.publicKey)))),
      ),
    ),
  );
  const signature = sign("sha256", body, issuerKeys.privateKey);
  return {
    certificate: pem("CERTIFICATE", sequence(body, algorithm, bitString(signature))),
    privateKey: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function newKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier(COMMON_NAME), utf8String(commonName))));
}

/** The authority signs itself by the name it was made with; end certificates must repeat it byte by byte. */
function authorityName({ certificate }: CertifiedKey): string {
  return commonNameOf(new X509Certificate(certificate).subject);
}

function commonNameOf(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? "";
}

function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return sequence(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** SHA-1 over the key's bits (RFC 5280 §4.2.1.2, method 1): a name, not a protection. An EC point is the last 65 bytes of its SPKI. */
function keyId(key: KeyObject): Buffer {
  return createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }).subarray(-65))
    .digest();
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  return ipv6Bytes(address);
}

function ipv6Bytes(address: string): Buffer {
  // The URL parser knows every way to write one and gives the canonical form.
  const host = new URL(`http://[${address.split("%")[0]}]/`).hostname.slice(1, -1);
  const [head = "", tail] = host.split("::");
  const groups = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
