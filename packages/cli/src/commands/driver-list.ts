import type { Command } from "../context.js";
import { table } from "../terminal/table.js";

/** Reads manifests only: no driver is started or asked. */
export const driverList: Command = async ({ discover, stdout, stderr, output, quiet, palette }) => {
  const { found, skipped } = await discover();
  if (output === "json") {
    const drivers = found.map(({ load: _, ...entry }) => entry);
    return stdout.json({ found: drivers, skipped });
  }
  if (quiet) {
    for (const { name } of found) stdout.line(name);
    return;
  }
  if (found.length === 0) stderr.line("No driver is installed. Install one with: mk driver add qemu");
  else {
    const rows = found.map(({ name, aliases, builtin, origin, manifest }) => [
      name,
      aliases.join(", ") || "-",
      builtin ? "built in" : "external",
      origin,
      manifest?.directory ?? "",
    ]);
    stdout.line(table([["NAME", "ALIASES", "KIND", "FROM", "IN"], ...rows]));
  }
  if (skipped.length === 0) return;
  stdout.line(`\n${palette.bold("Skipped:")}`);
  for (const { name, origin, reason, fix } of skipped) {
    stdout.line(`  ${name}: ${reason} ${palette.dim(`(${origin})`)}`);
    if (fix !== undefined) stdout.line(`    ${palette.cyan(fix)}`);
  }
};
