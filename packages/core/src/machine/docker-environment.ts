import type { DockerEnvironment } from "../api.js";
import type { Endpoint } from "../contract/status.js";
import type { MachineSession } from "../lifecycle/machine-session.js";

/** What the host's docker client needs: certificates only where the guest is ours and asks for them. */
export async function dockerEnvironment(session: MachineSession, { host, port }: Endpoint): Promise<DockerEnvironment> {
  const address = `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (session.driver.traits.image === "none") return { host: address };
  // Makes the client's certificate if this is the first use.
  await session.identity.authority();
  return { host: address, certPath: session.identity.clientCertificates };
}
