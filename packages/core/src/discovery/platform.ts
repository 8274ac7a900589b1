/** A package.json's `os` or `cpu` as npm reads it: a list of names, negated with `!`; absent or `any` takes all. */
export function acceptsPlatform(list: readonly string[] | undefined, actual: string): boolean {
  if (list === undefined || list.length === 0 || list.includes("any")) return true;
  if (list.includes(`!${actual}`)) return false;
  const positive = list.filter((name) => !name.startsWith("!"));
  return positive.length === 0 || positive.includes(actual);
}

/** Why a package does not run here: `needs darwin, this is linux`. Undefined when it does. */
export function unsupportedPlatform(
  manifest: { readonly os?: readonly string[]; readonly cpu?: readonly string[] },
  here: { readonly platform: string; readonly arch: string },
): string | undefined {
  if (!acceptsPlatform(manifest.os, here.platform)) return `${needs(manifest.os)}, this is ${here.platform}`;
  if (!acceptsPlatform(manifest.cpu, here.arch)) return `${needs(manifest.cpu)}, this is ${here.arch}`;
  return undefined;
}

function needs(list: readonly string[] = []): string {
  const positive = list.filter((name) => !name.startsWith("!"));
  if (positive.length > 0) return `needs ${positive.join(" or ")}`;
  return `does not run on ${list.map((name) => name.slice(1)).join(" or ")}`;
}
