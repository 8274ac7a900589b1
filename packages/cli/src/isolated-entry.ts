import { type DriverEntry, MkError } from "@mk/core";

/** Who a driver's process runs as: the user who started mk, or root by sudo. */
type Isolation = "user" | "root";

/**
 * The drivers that the user wants in a process of their own: names separated by commas, `all` for every one, each with `:root` behind it to run that
 * process, and nothing else of mk, with privileges.
 */
export function parseIsolation(text: string | undefined): ReadonlyMap<string, Isolation> {
  const words = (text ?? "").split(",").map((word) => word.trim());
  return new Map(
    words
      .filter((word) => word !== "")
      .map((word): [string, Isolation] => {
        const match = /^([a-z][a-z0-9-]*)(:root)?$/.exec(word);
        if (match?.[1] !== undefined) return [match[1], match[2] === undefined ? "user" : "root"];
        throw new MkError("CONFIG_INVALID", `MK_ISOLATE does not take ${JSON.stringify(word)}`, {
          hint: "Name drivers separated by commas, as in MK_ISOLATE=docker:root,qemu.",
        });
      }),
  );
}

export interface IsolationInput {
  readonly wishes: ReadonlyMap<string, Isolation>;
  readonly uid: number | undefined;
  /** Told the exact command before it runs with privileges. */
  readonly onElevation: (command: readonly string[]) => void;
}

/** The same entry, whose driver runs in a process of its own when it demands that or the user wants it. Drivers that are programs already do. */
export function isolatedEntry(entry: DriverEntry, { wishes, uid, onElevation }: IsolationInput): DriverEntry {
  const { manifest } = entry;
  if (manifest === undefined) return entry;
  return {
    ...entry,
    load: async (signal) => {
      const driver = await entry.load(signal);
      const wish = wishes.get(driver.name) ?? wishes.get("all") ?? (driver.external ? "user" : undefined);
      if (wish === undefined) return driver;
      const elevated = uid !== 0 && (wish === "root" || (driver.external && driver.traits.privileged));
      const { isolated } = await import("@mk/libmachine");
      return isolated(driver, { module: manifest.entry, elevated, onElevation });
    },
  };
}
