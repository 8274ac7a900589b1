import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { temporaryDirectory } from "@mk/testing";
import { type PackedPackage, packPackages } from "./pack.js";
import { Registry } from "./registry.js";

/** mk as it is released: its packages in a registry on loopback, and an environment in which every installer takes them from there. */
export interface Published extends AsyncDisposable {
  readonly registry: Registry;
  readonly env: Readonly<Record<string, string>>;
  /** A path below a directory of the test's own. */
  join(...parts: readonly string[]): string;
  /** The tarball of one of the packages. */
  tarball(packageName: string): string;
  /** Its version. */
  version(packageName: string): string;
}

/** Packs and publishes every package of the workspace. Needs them built. */
export async function publishPackages(): Promise<Published> {
  const directory = await temporaryDirectory("mk-e2e-");
  const outer = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...pick("NODE_EXTRA_CA_CERTS") };
  const [packed, registry] = await Promise.all([
    packPackages(directory.path, { ...outer, ...pick("npm_config_userconfig") }),
    Registry.start(directory.path, outer),
  ]);
  for (const { tarball } of packed) await registry.publish(tarball);
  const home = directory.join("home");
  await mkdir(home);
  // pnpm 12 reads the registry from a file only.
  await writeFile(join(home, ".npmrc"), `registry=${registry.url}\n`);
  const find = (packageName: string): PackedPackage => {
    const found = packed.find(({ name }) => name === packageName);
    if (found === undefined) throw new TypeError(`no package ${packageName}`);
    return found;
  };
  return {
    registry,
    env: {
      // Node of the CI job and the system's own programs: nothing of the workspace's node_modules/.bin.
      PATH: (process.env.PATH ?? "")
        .split(delimiter)
        .filter((entry) => !entry.includes("node_modules"))
        .join(delimiter),
      HOME: home,
      MK_HOME: directory.join("mk"),
      npm_config_registry: registry.url,
      YARN_REGISTRY: registry.url,
      BUN_CONFIG_REGISTRY: registry.url,
      npm_config_cache: directory.join("npm-cache"),
      npm_config_update_notifier: "false",
      npm_config_minimum_release_age: "0",
      NO_COLOR: "1",
      CI: "1",
      ...pick("MK_DEBIAN_MIRROR"),
      ...pick("NODE_EXTRA_CA_CERTS"),
    },
    join: directory.join,
    tarball: (packageName) => find(packageName).tarball,
    version: (packageName) => find(packageName).version,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function pick(name: string): Record<string, string> {
  const value = process.env[name];
  return value === undefined ? {} : { [name]: value };
}
