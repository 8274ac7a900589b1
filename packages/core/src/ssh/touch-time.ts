const FIRST = Date.UTC(1900, 0);
const LAST = Date.UTC(9999, 11, 31);

/** A time as `touch -t` takes it, whose form every guest knows: `202512312359.59`, in UTC. Others than its years can name become the nearest. */
export function touchTime(time: Date): string {
  const named = new Date(Math.min(Math.max(time.getTime(), FIRST), LAST));
  return named.toISOString().replace(/^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+).*/, "$1$2$3$4$5.$6");
}
