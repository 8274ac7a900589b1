import type { SkippedDriver } from "../registry/entry.js";

type Facts = Partial<Pick<SkippedDriver, "name" | "origin" | "fix">>;

/** Why one package is not used. Never leaves discovery, which turns it into a {@link SkippedDriver}. */
export class Rejection extends Error {
  readonly kind: SkippedDriver["kind"];
  readonly facts: Facts;

  constructor(kind: SkippedDriver["kind"], reason: string, facts: Facts = {}) {
    super(reason);
    this.kind = kind;
    this.facts = facts;
  }

  /** With these where the package did not get far enough to say its own. */
  describe(fallback: { readonly name: string; readonly origin: string }): SkippedDriver {
    return { ...fallback, kind: this.kind, reason: this.message, ...this.facts };
  }
}
