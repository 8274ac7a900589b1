import { readdirSync } from "node:fs";

/** Names in a directory; none when it cannot be read: most places that are searched are guesses that do not exist. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
