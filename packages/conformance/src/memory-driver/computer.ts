import type { MountSpec } from "@mk/core";

/** A machine as the memory driver's hypervisor holds it. */
export interface MemoryMachine {
  power: "off" | "on" | "paused" | "saved";
  /** Boot of the host in which `power` was set: what was on in another boot is off. */
  bootId: string;
  port: number;
  console: string;
  readonly snapshots: Map<string, string>;
  readonly mounts: Map<string, MountSpec>;
  readonly watchers: Set<() => void>;
}

/** The hypervisor: machines by their UUID. */
export type Hypervisor = Map<string, MemoryMachine>;

export function newMachine(port: number): MemoryMachine {
  return {
    power: "off",
    bootId: "",
    port,
    console: "",
    snapshots: new Map(),
    mounts: new Map(),
    watchers: new Set(),
  };
}

export function print(machine: MemoryMachine, line: string): void {
  machine.console += `${line}\n`;
  for (const wake of machine.watchers) wake();
}

/** The console from its beginning, then what is added, until the signal aborts. */
export async function* follow(machine: MemoryMachine | undefined, signal: AbortSignal): AsyncIterable<Uint8Array> {
  if (machine === undefined) return;
  for (let at = 0; !signal.aborted; ) {
    const text = machine.console.slice(at);
    at += text.length;
    if (text !== "") yield Buffer.from(text);
    else await changed(machine, signal);
  }
}

function changed(machine: MemoryMachine, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      machine.watchers.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    machine.watchers.add(wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}
