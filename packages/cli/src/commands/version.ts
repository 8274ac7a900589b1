import type { Command } from "../context.js";
import { coreVersion } from "../core-version.js";
import { version } from "../version.js";

export const printVersion: Command = async ({ stdout, output }) => {
  const facts = {
    mk: version,
    core: coreVersion(),
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
  };
  if (output === "json") stdout.json(facts);
  else stdout.line(`mk ${version} (core ${facts.core}, Node ${facts.node}, ${facts.platform}-${facts.arch})`);
};
