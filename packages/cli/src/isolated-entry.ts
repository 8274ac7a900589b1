import { type DriverEntry, settingOf } from "@mk/core";

/** Who a driver's process runs as: the user who started mk, or root by sudo. */
type Isolation = "user" | "root";

/** The drivers that the user wants in a process of their own, by MK_ISOLATE or else by the setting `isolate`; `all` stands for every one. */
export function isolationWishes(
  env: string | undefined,
  configured: readonly string[] = [],
): ReadonlyMap<string, Isolation> {
  const words = env ? (settingOf("isolate").parse(env, "MK_ISOLATE") as readonly string[]) : configured;
  return new Map(
    words.map((word) => (word.endsWith(":root") ? [word.slice(0, -":root".length), "root"] : [word, "user"])),
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
