import { defineDriver } from "@mk/core";
import { createConfig, type DockerConfig, parseConfig } from "./config.js";
import { createMachine } from "./machine.js";
import { options } from "./options.js";
import { status } from "./status.js";

/** Machines that are containers of a Docker Engine. */
export const dockerDriver = defineDriver<typeof options, DockerConfig>({
  name: "docker",
  summary: "a container of a Docker Engine: starts fastest, shares the host's kernel",
  priority: "preferred",
  traits: { isolation: "container", parallel: true, privileged: false, image: "oci" },
  options,
  status,
  createConfig: (_spec, values) => createConfig(values),
  parseConfig,
  createDriver: createMachine,
});
