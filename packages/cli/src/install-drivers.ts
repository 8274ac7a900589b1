import { MkError } from "@mk/core";
import type { Context } from "./context.js";
import { type AddedPackage, addedPackages, runNpm } from "./driver-store.js";
import { type StoredDriver, storedDrivers } from "./stored-drivers.js";

export interface Installation {
  /** Drivers that are there now, and before were not or in another version. */
  readonly installed: readonly StoredDriver[];
  /** What this mk cannot use. Of a changed package the earlier state is there again. */
  readonly refused: readonly StoredDriver[];
}

/** Has npm install packages into mk's own home and keeps only those that turn out to be drivers which work with this mk. */
export async function installDrivers(context: Context, specs: readonly string[]): Promise<Installation> {
  const before = await addedPackages(context);
  await runNpm(context, ["install", "--save-exact", "--", ...specs]);
  const after = await addedPackages(context);
  const changed: string[] = [];
  const present: string[] = [];
  for (const [name, added] of after) {
    if (!isSame(added, before.get(name))) changed.push(name);
    // npm has nothing to do for it, but whoever asks for it wants it to work.
    else if (specs.some((spec) => isSpecOf(spec, name, added))) present.push(name);
  }
  const drivers = await storedDrivers(context, [...changed, ...present]);
  const refused = drivers.filter(({ problem }) => problem !== undefined);
  const unwanted = changed.filter((name) => refused.some(({ packageName }) => packageName === name));
  await goBack(context, refused, { unwanted, before });
  const installed = drivers.filter(
    ({ packageName, problem }) => problem === undefined && changed.includes(packageName),
  );
  return { installed, refused };
}

/** DRIVER_INVALID with the reasons, when there are any drivers that were refused. */
export function assertNoneRefused(refused: readonly StoredDriver[]): void {
  if (refused.length === 0) return;
  throw new MkError("DRIVER_INVALID", reasonsOf(refused), {
    hint: "What was there before is there again. Choose another package or version.",
  });
}

function reasonsOf(refused: readonly StoredDriver[]): string {
  return refused.map(({ packageName, problem }) => `${packageName}: ${problem}`).join("; ");
}

function isSame(one: AddedPackage, other: AddedPackage | undefined): boolean {
  return one.source === other?.source && one.version === other.version && one.integrity === other.integrity;
}

function isSpecOf(spec: string, name: string, { source }: AddedPackage): boolean {
  return spec === name || spec.startsWith(`${name}@`) || spec === source;
}

/** Packages that were there before get their earlier version back, the others go. DRIVER_INVALID when npm fails at it, offline for example. */
async function goBack(
  context: Context,
  refused: readonly StoredDriver[],
  { unwanted, before }: { readonly unwanted: readonly string[]; readonly before: ReadonlyMap<string, AddedPackage> },
): Promise<void> {
  const earlier = unwanted.flatMap((name) => {
    const added = before.get(name);
    return added === undefined ? [] : [`${name}@${added.source}`];
  });
  const fresh = unwanted.filter((name) => !before.has(name));
  try {
    if (fresh.length > 0) await runNpm(context, ["uninstall", "--", ...fresh]);
    if (earlier.length > 0) await runNpm(context, ["install", "--save-exact", "--", ...earlier]);
  } catch (cause) {
    context.signal.throwIfAborted();
    const commands = [
      ...(fresh.length > 0 ? [`mk driver remove ${fresh.join(" ")}`] : []),
      ...(earlier.length > 0 ? [`mk driver add ${earlier.join(" ")}`] : []),
    ];
    throw new MkError("DRIVER_INVALID", `${reasonsOf(refused)}; and npm could not bring back what was there before`, {
      hint: `Bring it back when npm works again: ${commands.join(" && ")}`,
      cause,
    });
  }
}
