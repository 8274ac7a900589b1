/** What macOS, other programs and accidents write into a lease file, and the address that is ours by it. */
export interface LeaseFixture {
  readonly name: string;
  readonly text: string;
  /** Undefined: none. */
  readonly ip: string | undefined;
}

/** The machine's MAC address in all fixtures; macOS writes it as `a2:3:4f:0:b:c1`. */
export const MAC = "a2:03:4f:00:0b:c1";
/** The time at which all fixtures are read: 0x65a00000 s. */
export const NOW_MS = 0x65a00000 * 1000;

const OURS = "1,a2:3:4f:0:b:c1";
const THEIRS = "1,a2:3:4f:0:b:c2";
const LATER = "0x65a00100";
const LATEST = "0x65a00200";
const PAST = "0x659fffff";

interface Entry {
  readonly ip?: string;
  readonly hw?: string;
  readonly lease?: string;
  readonly more?: string;
}

function entry({ ip = "192.168.64.5", hw = OURS, lease = LATER, more = "" }: Entry = {}): string {
  return `{\n\tname=mk\n\tip_address=${ip}\n\thw_address=${hw}\n\tidentifier=${hw}\n${more}\tlease=${lease}\n}\n`;
}

const IP = "192.168.64.5";
const other = entry({ ip: "192.168.64.4", hw: THEIRS });

export const leaseFixtures: readonly LeaseFixture[] = [
  { name: "an empty file", text: "", ip: undefined },
  { name: "one lease, octets without their leading zeros", text: entry(), ip: IP },
  { name: "octets with their leading zeros", text: entry({ hw: `1,${MAC}` }), ip: IP },
  { name: "octets in upper case", text: entry({ hw: "1,A2:3:4F:0:B:C1" }), ip: IP },
  { name: "octets with dashes", text: entry({ hw: "1,a2-3-4f-0-b-c1" }), ip: IP },
  { name: "an octet of zero, dropped to nothing", text: entry({ hw: "1,a2:3:4f::b:c1" }), ip: undefined },
  { name: "another machine's lease", text: other, ip: undefined },
  { name: "another machine's lease before ours", text: other + entry(), ip: IP },
  { name: "another machine's lease after ours", text: entry() + other, ip: IP },
  {
    name: "an address that differs in its last octet by a dropped digit",
    text: entry({ hw: "1,a2:3:4f:0:b:c" }),
    ip: undefined,
  },
  { name: "an address that has ours within it", text: entry({ hw: `${OURS}:7` }), ip: undefined },
  { name: "an expired lease", text: entry({ lease: PAST }), ip: undefined },
  { name: "a lease that expires now", text: entry({ lease: "0x65a00000" }), ip: undefined },
  { name: "a lease that expires in a second", text: entry({ lease: "0x65a00001" }), ip: IP },
  { name: "an expired lease before a good one", text: entry({ ip: "192.168.64.9", lease: PAST }) + entry(), ip: IP },
  { name: "an expired lease after a good one", text: entry() + entry({ ip: "192.168.64.9", lease: PAST }), ip: IP },
  { name: "two good leases, the newer first", text: entry({ lease: LATEST }) + entry({ ip: "192.168.64.9" }), ip: IP },
  { name: "two good leases, the newer last", text: entry({ ip: "192.168.64.9" }) + entry({ lease: LATEST }), ip: IP },
  {
    name: "two leases of one age: bootpd puts the new one first",
    text: entry() + entry({ ip: "192.168.64.9" }),
    ip: IP,
  },
  { name: "a lease without an expiry", text: entry().replace(/\tlease=.*\n/, ""), ip: IP },
  { name: "an expiry that is no number", text: entry({ lease: "soon" }), ip: IP },
  { name: "an expiry in decimal", text: entry({ lease: "1705000000" }), ip: IP },
  { name: "an expiry in upper case", text: entry({ lease: "0x65A00100" }), ip: IP },
  { name: "an expiry beyond 32 bits", text: entry({ lease: "0x165a00100" }), ip: IP },
  { name: "a lease without an address", text: entry().replace(/\tip_address=.*\n/, ""), ip: undefined },
  { name: "an empty address", text: entry({ ip: "" }), ip: undefined },
  { name: "an address out of range", text: entry({ ip: "192.168.64.256" }), ip: undefined },
  { name: "an address of three octets", text: entry({ ip: "192.168.64" }), ip: undefined },
  { name: "an IPv6 address", text: entry({ ip: "fd00::5" }), ip: undefined },
  { name: "a shell command for an address", text: entry({ ip: "$(reboot)" }), ip: undefined },
  { name: "a lease without a hardware address", text: entry().replace(/\thw_address=.*\n/, ""), ip: undefined },
  {
    name: "a client identifier for a hardware address",
    text: entry({ hw: "ff,f1:f5:dd:7f:0:2:0:0:ab:11:a2:3:4f:0:b:c1" }),
    ip: undefined,
  },
  { name: "another hardware type", text: entry({ hw: "6,a2:3:4f:0:b:c1" }), ip: undefined },
  { name: "no hardware type", text: entry({ hw: "a2:3:4f:0:b:c1" }), ip: undefined },
  { name: "CRLF line ends", text: (other + entry()).replaceAll("\n", "\r\n"), ip: IP },
  { name: "blanks around keys and values", text: entry().replaceAll("=", " = ").replaceAll("\t", "    "), ip: IP },
  { name: "keys in another order", text: `{\n\tlease=${LATER}\n\thw_address=${OURS}\n\tip_address=${IP}\n}\n`, ip: IP },
  { name: "keys that are not known", text: entry({ more: "\tcolour=blue\n\t=\n\t==\n" }), ip: IP },
  { name: "a name with an equals sign and braces", text: entry({ more: "\tname={a=b}\n" }), ip: IP },
  {
    name: "a block without its end before ours",
    text: `{\n\tip_address=192.168.64.9\n\thw_address=${OURS}\n${entry()}`,
    ip: IP,
  },
  {
    name: "a block without its beginning before ours",
    text: `\tip_address=192.168.64.9\n\thw_address=${OURS}\n}\n${entry()}`,
    ip: IP,
  },
  { name: "our block cut off by the end of the file", text: other + entry().slice(0, -30), ip: undefined },
  { name: "garbage between blocks", text: `${other}\u0000\u0001}}{{\n=\n${entry()}`, ip: IP },
  { name: "bytes that are no UTF-8", text: `${Buffer.from([0xff, 0xfe, 0x0a]).toString("utf8")}${entry()}`, ip: IP },
  { name: "no line end after the last block", text: entry().trimEnd(), ip: IP },
  { name: "blank lines everywhere", text: entry().replaceAll("\n", "\n\n"), ip: IP },
  { name: "a thousand leases of others", text: other.repeat(1000) + entry() + other.repeat(1000), ip: IP },
];
