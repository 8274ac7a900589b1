import { timeLimit } from "../abort/time-limit.js";
import { messageOf } from "../errors.js";
import { createTransport } from "../ssh/create-transport.js";
import type { Engine } from "./engine.js";
import type { MachineSession } from "./machine-session.js";
import type { CoreOperation } from "./operation.js";

/** A guest whose shell is busy or broken must not hold up what it is otherwise ready for, least of all one that ran and is mostly right. */
const LIMIT_MS = { resumed: 10_000, running: 3_000 } as const;

/** `$1`: seconds since the epoch. Certificates and logs bear two seconds, and a clock that is near enough must not jump. */
const SET_CLOCK = `behind=$(($1 - $(date +%s)))
[ "\${behind#-}" -le 2 ] || sudo -n date -u -s "@$1" >/dev/null`;

/**
 * Sets the clock of a guest that has run for long, or was paused, saved, or slept with its host: it goes on where it stopped, and then
 * certificates are not valid yet. Only guests of ours have their clock set, and only those with a kernel of their own: a container's clock is
 * the host's. One that cannot be set is a warning.
 */
export async function syncClock(
  engine: Engine,
  session: MachineSession,
  op: CoreOperation,
  guest: keyof typeof LIMIT_MS,
): Promise<void> {
  const { isolation, image } = session.driver.traits;
  if (isolation !== "vm" || image === "none") return;
  await op.step("clock", "setting the guest's clock", async () => {
    using limit = timeLimit(LIMIT_MS[guest]);
    const signal = AbortSignal.any([op.signal, limit.signal]);
    try {
      const access = await session.machine.access({ ...op, signal });
      await using transport = createTransport(engine.host, access, { machine: session });
      const seconds = String(Math.round(engine.host.now() / 1000));
      await transport.exec(["sh", "-c", SET_CLOCK, "mk", seconds], { signal, check: true });
    } catch (error) {
      op.signal.throwIfAborted();
      op.emit({
        type: "note",
        level: "warning",
        message: "the guest's clock may be behind and could not be set",
        fields: { reason: messageOf(error) },
      });
    }
  });
}
