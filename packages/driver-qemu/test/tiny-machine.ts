import { randomUUID } from "node:crypto";
import { createNodeHost, type Host, type Machine, type MachineSpec, type Operation } from "@mk/core";
import { temporaryDirectory, tinyImage } from "@mk/testing";
import qemu from "../src/index.js";
import type { QemuRecord } from "../src/record.js";

/** A machine of the driver alone, with a guest that starts in milliseconds, and core's part played by hand. */
export interface TinyMachine extends AsyncDisposable {
  readonly host: Host;
  readonly directory: string;
  readonly id: string;
  /** What the driver recorded; tests change it. */
  record: QemuRecord | undefined;
  /** A fresh handle, as another mk process would open it. */
  handle(spec?: Partial<MachineSpec>, options?: Readonly<Record<string, unknown>>): Promise<Machine>;
  /** Runs an operation to its end; `failAt` is a step that fails before it begins, as if mk were killed there: nothing is undone. */
  run<T>(work: (op: Operation) => Promise<T>, options?: { readonly failAt?: string }): Promise<T>;
}

export class Interrupted extends Error {}

export async function tinyMachine(
  options: Readonly<Record<string, unknown>> = {},
  facts: Partial<Pick<Host, "platform">> = {},
): Promise<TinyMachine> {
  const home = await temporaryDirectory("mk-tiny-");
  const host: Host = Object.assign(createNodeHost({ home: home.path }), facts);
  const image = await tinyImage(home.path, "amd64");
  const directory = home.join("machine");
  await host.files.makeDirectory(directory);
  const base: MachineSpec = {
    ...{ name: "tiny", id: randomUUID(), arch: "amd64", cpus: 1, memoryMiB: 64, diskMiB: 16 },
    ...{ mounts: [], ports: [] },
  };
  const defaults = Object.entries(qemu.options).flatMap(([key, { default: value }]) =>
    value === undefined ? [] : [[key, value] as const],
  );

  const tiny: TinyMachine = {
    host,
    directory,
    id: base.id,
    record: undefined,
    async handle(changes = {}, other = {}) {
      const spec = { ...base, ...changes };
      const config = qemu.createConfig(spec, { ...Object.fromEntries(defaults), ...options, ...other });
      return await qemu.createDriver(qemu.parseConfig(JSON.parse(JSON.stringify(config))), {
        ...{ name: spec.name, id: spec.id, directory, host, spec },
        image: async () => image,
        seed: async () => [],
        record: {
          read: async () => tiny.record,
          write: async (value) => {
            tiny.record = (value ?? undefined) as QemuRecord | undefined;
          },
        },
      });
    },
    async run(work, { failAt } = {}) {
      return await work({
        signal: AbortSignal.timeout(60_000),
        step: async (id, _title, body) => {
          if (id === failAt) throw new Interrupted(id);
          return await body(() => undefined);
        },
        undo: () => undefined,
        log: () => undefined,
      });
    },
    async [Symbol.asyncDispose]() {
      const machine = await tiny.handle();
      await tiny.run((op) => machine.remove(op));
      await home[Symbol.asyncDispose]();
    },
  };
  return tiny;
}
