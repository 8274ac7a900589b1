import { type Host, MkError } from "@mk/core";
import type { HyperkitConfig } from "./config.js";

/** The path of hyperkit. COMMAND_NOT_FOUND. */
export async function findBinary(host: Host, config: Pick<HyperkitConfig, "binary">): Promise<string> {
  const found = await host.which(config.binary ?? "hyperkit");
  if (found !== undefined) return found;
  throw new MkError("COMMAND_NOT_FOUND", `${config.binary ?? "hyperkit"} is not installed`, {
    hint: "Install HyperKit, or name it with --hyperkit-binary.",
  });
}
