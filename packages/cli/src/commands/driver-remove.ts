import { MkError } from "@mk/core";
import type { Command } from "../context.js";
import { done } from "../done.js";
import { addedPackages, packageSpec, runNpm } from "../driver-store.js";

/** Machines of a removed driver stay; they are listed with the command that brings it back. */
export const driverRemove: Command = async (context, words) => {
  const { found } = await context.discover();
  const added = await addedPackages(context.home);
  const packages = words.map((word) => {
    const named = found.find(({ name, manifest }) => name === word && added.has(manifest?.packageName ?? ""));
    const packageName = named?.manifest?.packageName ?? packageSpec(word);
    if (added.has(packageName)) return packageName;
    const elsewhere = found.find(({ name, manifest }) => name === word || manifest?.packageName === packageName);
    throw new MkError("DRIVER_MISSING", `${packageName} was not installed by mk driver add`, {
      hint:
        elsewhere?.manifest === undefined
          ? "See what is installed: mk driver list"
          : `Remove it with the tool that installed it in ${elsewhere.manifest.directory}, for example: npm rm -g ${packageName}`,
    });
  });
  await runNpm(context, ["uninstall", "--", ...packages]);
  done(context, `Removed ${packages.join(", ")}.`);
};
