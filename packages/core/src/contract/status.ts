/**
 * A machine's real state. `unknown` means that the hypervisor did not answer: it is neither running nor stopped.
 * `broken` means that it answered and the machine cannot be used, for example since its disk is gone.
 */
export type MachineStatus =
  | { readonly state: "absent" | "stopped" | "starting" | "running" | "stopping" | "saved" }
  | { readonly state: "paused"; readonly reason?: string }
  | { readonly state: "broken" | "unknown"; readonly reason: string };

/** In which state a machine is: what a status is told apart by. */
export type MachineState = MachineStatus["state"];

/**
 * Whether a driver can work on this host. `advice` goes with a driver that works but could be better, `note` says how it
 * will work (for example "software emulation: no guest ran on /dev/kvm").
 */
export type DriverStatus =
  | {
      readonly status: "ready";
      readonly version?: string;
      readonly note?: string;
      readonly advice?: string;
      readonly facts?: Readonly<Record<string, string>>;
    }
  | {
      /** missing: not installed; unhealthy: installed, does not work; stopped: installed, its service does not run. */
      readonly status: "missing" | "unhealthy" | "stopped";
      /** Stable kebab-case code such as `qemu-not-found`. */
      readonly code: string;
      readonly reason: string;
      /** One imperative sentence. */
      readonly fix?: string;
      /** Packages that bring what is missing, by package manager (`apt`, `dnf`, `pacman`, `brew`, `winget`), for `mk doctor --fix`. */
      readonly packages?: Readonly<Record<string, readonly string[]>>;
      readonly docs?: string;
      readonly version?: string;
    };

/** How core reaches a shell in the machine. `exec` runs argv + the command's argv on the host. */
export type MachineAccess =
  | { readonly via: "exec"; readonly argv: readonly string[] }
  | {
      readonly via: "ssh";
      readonly host: string;
      readonly port: number;
      readonly user: string;
      /** Absolute path of the private key. Default: the machine's own key made by core. */
      readonly identityFile?: string;
      /**
       * `pinned`: the host key is the one core seeded. `first-use`: remember it in the machine's known_hosts at the first connection
       * (machines whose guest is not mk's).
       */
      readonly hostKey: "pinned" | "first-use";
    };

/** Where the host reaches a TCP port of the guest. An IPv6 host has no brackets. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}
