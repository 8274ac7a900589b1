import type { ImageSource } from "../api.js";
import type { Host } from "../contract/host.js";
import type { EventLog } from "../events/event-log.js";
import type { Registry } from "../registry/registry.js";
import type { ReadyFor } from "../selection/assert-ready.js";
import type { Home } from "../store/home.js";
import type { MachineStore } from "../store/machine-store.js";
import type { Reserve } from "../store/reserve.js";
import type { UserConfig } from "../user-config/user-config.js";

/** What every operation works with: one for each `createMk`. */
export interface Engine {
  readonly home: Home;
  readonly store: MachineStore;
  readonly reserve: Reserve;
  readonly host: Host;
  readonly images: ImageSource | undefined;
  readonly events: EventLog;
  readonly ready: ReadyFor;
  /** Discovery runs at the first call. */
  registry(): Promise<Registry>;
  userConfig(): Promise<UserConfig>;
}
