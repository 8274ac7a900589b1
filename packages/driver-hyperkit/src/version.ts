/** The oldest HyperKit that works, as minikube requires it. */
export const OLDEST_VERSION = "0.20190201";

/**
 * The version that `hyperkit -v` prints: `hyperkit: 0.20210107` or, of builds from git, `hyperkit: v0.20210107-2-ga7f2f6e`.
 * Undefined when there is none in the text.
 */
export function parseVersion(text: string): string | undefined {
  return /^hyperkit: v?(\d+\.\d{8})/m.exec(text)?.[1];
}

/** Whether a version is at least {@link OLDEST_VERSION}. */
export function isNewEnough(version: string): boolean {
  const [major = 0, date = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestDate = 0] = OLDEST_VERSION.split(".").map(Number);
  return major > oldestMajor || (major === oldestMajor && date >= oldestDate);
}
