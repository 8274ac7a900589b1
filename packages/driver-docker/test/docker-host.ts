import { type ScriptedHost, type ScriptedHostOptions, scriptedHost } from "@mk/conformance";
import { FakeEngine } from "./fake-engine/fake-engine.js";

export const SOCKET = "/var/run/docker.sock";

export interface DockerHost {
  readonly host: ScriptedHost;
  readonly engine: FakeEngine;
}

/** A scripted host with a fake Docker Engine on its default socket, which comes up again when the host does. */
export function dockerHost(options: ScriptedHostOptions = {}): DockerHost {
  const engine = new FakeEngine();
  const host = scriptedHost({
    ...options,
    inventory: () => engine.inventory(),
    services: {
      dockerd: async (process) => {
        engine.reboot();
        process.listen({ path: SOCKET }, (stream) => engine.accept(stream));
        await process.forever();
      },
    },
    files: { "/usr/bin/docker": "", "/var/run/.keep": "", ...options.files },
  });
  return { host, engine };
}
