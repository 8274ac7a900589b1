import { conformance, scriptedHost } from "@mk/conformance";
import driver from "../dist/index.js";
import packageJson from "../package.json" with { type: "json" };

conformance(driver, {
  packageJson,
  // The machine is somewhere else: here it is a service that listens on port 22.
  host: async () => {
    const host = scriptedHost({
      services: {
        sshd: (process) => {
          process.listen({ host: "127.0.0.1", port: 22 }, (stream) => stream.write("SSH-2.0-generic\r\n"));
          return process.forever();
        },
      },
    });
    await host.delay(1000, new AbortController().signal);
    return host;
  },
});
