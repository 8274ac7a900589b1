import type { Operation } from "./operation.js";
import type { MountSpec } from "./spec.js";
import type { Endpoint, MachineAccess, MachineStatus } from "./status.js";

/**
 * A driver's handle on one machine. Core calls it under the machine's lock, in the states named here, with a deadline on the
 * operation's signal. A driver never checks preconditions, never retries and has no timeouts of its own.
 */
export interface Machine {
  /** Reads the real state, never a cached one; changes nothing; does not throw for an absent machine. Needs no lock. */
  inspect(op: Operation): Promise<MachineStatus>;
  /** Called only when absent. Afterwards the machine is `stopped` (or `running`); on failure it is absent again. */
  create(op: Operation): Promise<void>;
  /** Called only when stopped or saved. Returns when the machine is powered on; core then waits for the guest. */
  start(op: Operation): Promise<void>;
  /** Called only when running. Asks the guest to shut down and returns when the machine is off; on deadline core calls `kill`. */
  stop(op: Operation): Promise<void>;
  /** Called in any state but absent. Cuts the power and returns when the machine is proved to be off. */
  kill(op: Operation): Promise<void>;
  /** Called in any state, `broken` and `absent` included. Succeeds when there is nothing left to remove; removes only what is ours. */
  remove(op: Operation): Promise<void>;
  /** Called when running. NOT_SUPPORTED for a machine that has no shell: core then takes it as ready when it runs. */
  access(op: Operation): Promise<MachineAccess>;
  /** Called when running. Where the host reaches a TCP port of the guest. */
  endpoint(guestPort: number, op: Operation): Promise<Endpoint>;
  /** Address of the machine as the guest's own network has it, for `mk ip`. Default: `endpoint(22).host`. */
  address?(op: Operation): Promise<string>;
  /**
   * Applies a changed config to an existing machine. It is on only when all that changed are options declared `live`: for those declared
   * `restart` and for the spec, core stops it first.
   */
  reconfigure?(op: Operation): Promise<void>;

  // Optional abilities: presence is the declaration, there is no flag to keep in step. Of these core calls `console` and `suspension`
  // today; a driver need not have the others, which no command of mk reaches yet.
  /** The console the guest writes its marker lines to. */
  readonly console?: {
    /** Bytes since the machine's last start, then live until the signal aborts (the iteration then ends). */
    read(signal: AbortSignal): AsyncIterable<Uint8Array>;
  };
  readonly suspension?: { pause(op: Operation): Promise<void>; resume(op: Operation): Promise<void> };
  /** Save to disk and power off (state `saved`); `start` brings it back. */
  readonly hibernation?: { save(op: Operation): Promise<void> };
  readonly snapshots?: {
    list(op: Operation): Promise<readonly { readonly name: string; readonly createdAt: string }[]>;
    take(name: string, op: Operation): Promise<void>;
    restore(name: string, op: Operation): Promise<void>;
    remove(name: string, op: Operation): Promise<void>;
  };
  readonly mounts?: {
    add(mount: MountSpec, op: Operation): Promise<void>;
    remove(target: string, op: Operation): Promise<void>;
  };
  /** Frees what the handle holds (connections). The machine is not touched. */
  close?(): Promise<void>;
}
