const order = (character: string | undefined): number => {
  if (character === undefined || character === "" || /\d/.test(character)) return 0;
  if (character === "~") return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
};

function comparePart(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !/\d/.test(a[i]!)) || (j < b.length && !/\d/.test(b[j]!))) {
      const difference = order(a[i]) - order(b[j]);
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    const left = /^\d*/.exec(a.slice(i))![0];
    const right = /^\d*/.exec(b.slice(j))![0];
    const difference = Number(left) - Number(right);
    if (difference !== 0) return difference;
    i += left.length;
    j += right.length;
  }
  return 0;
}

function split(version: string): { readonly epoch: number; readonly upstream: string; readonly revision: string } {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon === -1 ? 0 : Number(version.slice(0, colon)),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? "" : rest.slice(dash + 1),
  };
}

/** Negative, zero or positive as `a` is an older, the same or a newer Debian version than `b`. Source: Debian policy 5.6.12. */
export function compareVersions(a: string, b: string): number {
  const left = split(a);
  const right = split(b);
  return (
    left.epoch - right.epoch || comparePart(left.upstream, right.upstream) || comparePart(left.revision, right.revision)
  );
}

/** How a dependency limits the version: Debian's five relations. */
export type VersionRelation = "<<" | "<=" | "=" | ">=" | ">>";

export function satisfiesVersion(version: string, relation: VersionRelation, bound: string): boolean {
  const difference = compareVersions(version, bound);
  switch (relation) {
    case "<<":
      return difference < 0;
    case "<=":
      return difference <= 0;
    case "=":
      return difference === 0;
    case ">=":
      return difference >= 0;
    case ">>":
      return difference > 0;
    default:
      relation satisfies never;
      return false;
  }
}
