import type { Command } from "../context.js";
import { done } from "../done.js";
import { runNpm } from "../driver-store.js";
import { storedPackages } from "../stored-drivers.js";

/** Machines of a removed driver stay; they are listed with the command that brings it back. */
export const driverRemove: Command = async (context, words) => {
  const packages = await storedPackages(context, words);
  await runNpm(context, ["uninstall", "--", ...packages]);
  done(context, `Removed ${packages.join(", ")}.`);
};
