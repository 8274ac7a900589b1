/** What a driver or an alias may be called. The part after `docker-machine-driver-` of an executable obeys it too. */
export function isDriverName(text: unknown): text is string {
  return typeof text === "string" && /^[a-z][a-z0-9-]{0,31}$/.test(text);
}
