/** The user's settings: `$MK_HOME/config.json`. Everything is optional. */
export interface UserConfig {
  /** Name or alias of the driver `mk start` uses for new machines. */
  readonly driver?: string;
  /** The machine commands work on when none is named. */
  readonly profile?: string;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  readonly diskMiB?: number;
  /** Directories searched for driver packages: node_modules-like folders or package folders, absolute. */
  readonly driverPath?: readonly string[];
  /** Drivers that run in a process of their own: `<driver>`, or `<driver>:root` for one with privileges; `all` for every driver. */
  readonly isolate?: readonly string[];
  /** Options of drivers, by driver name and kebab-case option. */
  readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}
