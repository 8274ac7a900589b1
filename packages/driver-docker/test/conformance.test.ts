import { conformance, scriptedHost } from "@mk/conformance";
import packageJson from "../package.json" with { type: "json" };
import dockerDriver from "../src/index.js";
import { type DockerHost, dockerHost } from "./docker-host.js";

/** The engine of each scripted host: a bench only knows its host. */
const engines = new WeakMap<object, DockerHost["engine"]>();

conformance(dockerDriver, {
  host: async () => {
    const { host, engine } = dockerHost();
    engines.set(host, engine);
    // The engine comes up before anything is counted.
    await host.delay(1000, new AbortController().signal);
    return host;
  },
  packageJson,
  unavailable: {
    "no engine is installed": async () => scriptedHost(),
    "its service is stopped": async () => scriptedHost({ programs: { dockerd: () => 0 } }),
    "the engine runs Windows containers": async () => {
      const { host, engine } = dockerHost();
      engine.info = { OSType: "windows" };
      return host;
    },
    "the engine is too old": async () => {
      const { host, engine } = dockerHost();
      engine.version = { ApiVersion: "1.40" };
      return host;
    },
    "the context does not exist": async () => dockerHost({ env: { DOCKER_CONTEXT: "gone" } }).host,
  },
});
