import { timeLimit } from "../abort/time-limit.js";
import { ENGINE_PORT } from "../contract/guest.js";
import { messageOf } from "../errors.js";
import type { CertifiedKey } from "../identity/certificate.js";
import { createTransport } from "../ssh/create-transport.js";
import type { Engine } from "./engine.js";
import { ifTold } from "./if-told.js";
import type { MachineSession } from "./machine-session.js";
import type { CoreOperation } from "./operation.js";

/** An engine that does not come back must not hold up a guest that is ready. */
const INSTALL_LIMIT_MS = 60_000;

/** `$1`: the certificate; its key is standard input. dockerd reads them when it begins, which its supervisor lets it do again. */
const INSTALL = `set -e
cat >/etc/mk/tls/key.pem
printf %s "$1" >/etc/mk/tls/cert.pem
read -r pid </run/mk/dockerd.pid
kill "$pid"
while kill -0 "$pid" 2>/dev/null; do usleep 100000; done
until docker version >/dev/null 2>&1; do usleep 100000; done`;

/**
 * Gives the engine of a guest that has just booted a certificate for the address at which the host reaches it, where that of the seed is not
 * valid for it: what another's DHCP server gives is known only now. The next seed has it. One that cannot be given is a warning.
 */
export async function certifyEngine(engine: Engine, session: MachineSession, op: CoreOperation): Promise<void> {
  if (session.driver.traits.image === "none") return;
  const endpoint = await ifTold(op, "the address of the engine", (ask) => session.machine.endpoint(ENGINE_PORT, ask));
  const made = endpoint === undefined ? undefined : await session.identity.certificateFor(endpoint.host);
  if (made === undefined) return;
  await op.step("certificate", "giving the engine a certificate for its address", () =>
    install(engine, session, made, op),
  );
}

async function install(engine: Engine, session: MachineSession, made: CertifiedKey, op: CoreOperation): Promise<void> {
  using limit = timeLimit(INSTALL_LIMIT_MS);
  const signal = AbortSignal.any([op.signal, limit.signal]);
  try {
    const access = await session.machine.access({ ...op, signal });
    await using transport = createTransport(engine.host, access, { machine: session });
    const argv = ["sudo", "-n", "sh", "-c", INSTALL, "mk", made.certificate];
    await transport.exec(argv, { signal, input: made.privateKey, check: true });
    await session.identity.issue(made);
  } catch (error) {
    op.signal.throwIfAborted();
    op.emit({
      type: "note",
      level: "warning",
      message:
        "the engine has no certificate for its address: docker clients refuse it until the machine is started again",
      fields: { reason: messageOf(error) },
    });
  }
}
