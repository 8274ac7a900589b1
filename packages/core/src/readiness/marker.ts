/** A line the guest writes to its console: `mk-guest: <event> uptime=<seconds>[ <key>=<value>…]`. */
export interface GuestMarker {
  readonly event: string;
  readonly uptimeSeconds: number;
  readonly fields: Readonly<Record<string, string>>;
}

const MARKER =
  /mk-guest: ([a-z][a-z0-9-]*) uptime=(\d+(?:\.\d+)?)((?: [a-zA-Z][a-zA-Z0-9_-]*=(?:"(?:[^"\\]|\\.)*"|[^\s"]*))*)\s*$/;
const FIELD = / ([a-zA-Z][a-zA-Z0-9_-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)/g;

/**
 * The marker of a console line, or undefined. Text before it is passed over, since the kernel writes to the same console; a marker that
 * was torn by such text is not one.
 */
export function parseMarker(line: string): GuestMarker | undefined {
  const match = MARKER.exec(line);
  if (match === null) return undefined;
  const [, event = "", uptime, rest = ""] = match;
  const fields: [string, string][] = [];
  for (const [, key = "", value = ""] of rest.matchAll(FIELD)) fields.push([key, unquote(value)]);
  return { event, uptimeSeconds: Number(uptime), fields: Object.fromEntries(fields) };
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
