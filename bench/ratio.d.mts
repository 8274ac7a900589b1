type Unit = "ms" | "MB" | "calls/s" | "MB/s";

export function reportRatio(
  what: string,
  ours: number,
  theirs: number,
  options?: { readonly aim?: number; readonly unit?: Unit },
): void;

/** Not a number for none. */
export function median(values: readonly number[]): number;
