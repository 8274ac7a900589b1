import { MkError } from "@mk/core";
import type { DebianPackage, Dependency, PackagesIndex } from "./packages-index.js";
import { satisfiesVersion } from "./version.js";

export interface ResolveRequest {
  /** Packages that must be there. */
  readonly packages: readonly string[];
  /** Packages that are never taken although others depend on them: what they do (maintainer scripts, init systems) does not happen here. */
  readonly exclude: ReadonlySet<string>;
}

function fits(candidate: DebianPackage, dependency: Dependency): boolean {
  const { name, constraint } = dependency;
  const version =
    candidate.name === name
      ? candidate.version
      : candidate.provides.find((provided) => provided.name === name)?.version;
  if (constraint === undefined) return true;
  return version !== undefined && satisfiesVersion(version, constraint.relation, constraint.version);
}

function candidates(index: PackagesIndex, dependency: Dependency): readonly DebianPackage[] {
  const real = index.find(dependency.name);
  const all = real === undefined ? index.providers(dependency.name) : [real, ...index.providers(dependency.name)];
  return all.filter((candidate) => fits(candidate, dependency));
}

/**
 * The closure of packages over Depends and Pre-Depends, sorted by name. Of alternatives one that is already taken wins, else the first that
 * can be had, as apt chooses. INTEGRITY when a package or a dependency cannot be had: the archive does not hold what it promises.
 */
export function resolvePackages(index: PackagesIndex, request: ResolveRequest): readonly DebianPackage[] {
  const taken = new Map<string, DebianPackage>();
  const queue: DebianPackage[] = [];
  const take = (found: DebianPackage): void => {
    if (taken.has(found.name)) return;
    taken.set(found.name, found);
    queue.push(found);
  };
  for (const name of request.packages) {
    const [found] = candidates(index, { name });
    if (found === undefined) throw new MkError("INTEGRITY", `Debian's package index has no package ${name}`);
    take(found);
  }
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const alternatives of next.depends) {
      if (alternatives.some(({ name }) => request.exclude.has(name))) continue;
      const satisfied = alternatives.flatMap((alternative) => candidates(index, alternative));
      const usable = satisfied.filter((candidate) => !request.exclude.has(candidate.name));
      if (satisfied.length > 0 && usable.length === 0) continue;
      const choice = usable.find((candidate) => taken.has(candidate.name)) ?? usable[0];
      if (choice === undefined) {
        const wanted = alternatives.map(({ name }) => name).join(" or ");
        throw new MkError("INTEGRITY", `Debian's package index has no ${wanted}, which ${next.name} depends on`);
      }
      take(choice);
    }
  }
  return [...taken.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
