import { readFile } from "node:fs/promises";

interface Manifest {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** This package is released with the contract it writes for: its own development dependencies say which versions that is. */
async function manifest(): Promise<Manifest> {
  return JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as Manifest;
}

/** The range of @mk/core that a new driver works with. Before 1.0 a caret would shut out the next minor, so both ends are said. */
export async function contractRange(): Promise<string> {
  return rangeOf((await manifest()).devDependencies["@mk/core"]);
}

export async function kitRange(): Promise<string> {
  return rangeOf((await manifest()).devDependencies["@mk/conformance"]);
}

/** pnpm puts the version in the place of `workspace:*` when it packs; in a checkout any version is the one beside it. */
function rangeOf(version: string | undefined): string {
  if (version === undefined || version.startsWith("workspace:")) return "*";
  const [major, minor] = version.split(".");
  return major === "0" ? `>=0.${minor} <1` : `^${major}.${minor}`;
}
