import { createRegistry, type DriverStatus, namedOptions, optionDescription, probeDrivers } from "@mk/core";
import type { Command } from "../context.js";
import { driverOptions } from "../help-text.js";
import { table } from "../terminal/table.js";

export const driverInfo: Command = async ({ discover, host, signal, stdout, output }, [name = ""]) => {
  const registry = createRegistry(await discover());
  const entry = registry.resolve(name);
  const driver = await registry.load(name, signal);
  const [probe] = await probeDrivers(registry, [entry], { host: await host(), signal });
  const status = probe?.status;
  if (output === "json") {
    const options = namedOptions(driver).map(({ flag, env, setting, spec }) => ({
      flag: `--${flag}`,
      env,
      setting,
      type: spec.type,
      description: optionDescription(spec),
      ...(spec.secret !== true && spec.default !== undefined && { default: spec.default }),
    }));
    const { summary, aliases, priority, autoSelect, traits } = driver;
    return stdout.json({
      name: driver.name,
      aliases,
      summary,
      origin: entry.origin,
      builtin: entry.builtin,
      priority,
      autoSelect,
      traits,
      status,
      options,
    });
  }
  stdout.line(
    table([
      ["name", driver.name],
      ["aliases", driver.aliases.join(", ") || "-"],
      ["summary", driver.summary],
      ["from", entry.manifest === undefined ? entry.origin : `${entry.origin} in ${entry.manifest.directory}`],
      ["priority", driver.priority],
      ["isolation", driver.traits.isolation],
      ...(status === undefined ? [] : statusRows(status)),
    ]),
  );
  stdout.line(`\n${driverOptions(driver, stdout.lineWidth)}`);
};

function statusRows(status: DriverStatus): readonly (readonly string[])[] {
  const rows: (readonly [string, string | undefined])[] = [
    ["status", status.status],
    ["version", status.version],
  ];
  if (status.status === "ready") rows.push(["note", status.note], ["advice", status.advice]);
  else rows.push(["reason", status.reason], ["fix", status.fix], ["docs", status.docs]);
  return rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
}
