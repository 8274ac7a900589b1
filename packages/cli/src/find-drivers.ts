import { fileURLToPath } from "node:url";
import { type Discovery, discoverDrivers, type UserConfig } from "@mk/core";
import { externalDriver } from "./external-driver.js";
import { isolatedEntry, isolationWishes } from "./isolated-entry.js";
import { shownCommand } from "./quote-shell.js";

/** Discovery as this CLI does it: its own install tree, mk's home, the user's directories, and docker-machine drivers on PATH. */
export function findDrivers(options: {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly argv1: string | undefined;
  readonly userConfig: Pick<UserConfig, "driverPath" | "isolate">;
}): Discovery {
  const isolation = {
    wishes: isolationWishes(options.env.MK_ISOLATE, options.userConfig.isolate),
    uid: process.getuid?.(),
    onElevation: (command: readonly string[]) =>
      void process.stderr.write(`mk runs with privileges: ${shownCommand(command)}\n`),
  };
  const discovery = discoverDrivers({
    home: options.home,
    modulePath: fileURLToPath(import.meta.url),
    argv1: options.argv1,
    env: options.env,
    configured: options.userConfig.driverPath,
    external: externalDriver,
  });
  return { ...discovery, found: discovery.found.map((entry) => isolatedEntry(entry, isolation)) };
}
