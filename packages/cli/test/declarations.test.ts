import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import docker from "@mk/driver-docker";
import hyperkit from "@mk/driver-hyperkit";
import kvm2 from "@mk/driver-kvm2";
import qemu from "@mk/driver-qemu";
import { describe, expect, it } from "vitest";
import { declare, type LoadCommand } from "../src/cli.js";
import { DETAILS } from "./manual/facts.js";
import { manPages } from "./manual/man-pages.js";
import { markdownManual } from "./manual/markdown.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

describe("declarations", () => {
  it("are what docs/cli.md says", async () => {
    await expect(markdownManual(declare(() => {}))).toMatchFileSnapshot(join(root, "docs", "cli.md"));
  });

  it("are what the man pages say, all of which are installed", async () => {
    const pages = manPages(declare(() => {}));
    for (const [file, text] of pages)
      await expect(text, file).toMatchFileSnapshot(join(root, "packages/cli/man", file));
    const { man } = JSON.parse(readFileSync(join(root, "packages/cli/package.json"), "utf8"));
    expect(man).toEqual([...pages.keys()].map((file) => `./man/${file}`));
    expect(readdirSync(join(root, "packages/cli/man")).sort()).toEqual([...pages.keys()].sort());
  });

  it.skipIf(spawnSync("mandoc", ["-V"]).error)("make man pages that mandoc finds no fault with", () => {
    const files = [...manPages(declare(() => {})).keys()].map((file) => join(root, "packages/cli/man", file));
    const { stdout } = spawnSync("mandoc", ["-T", "lint", "-W", "style", ...files], { encoding: "utf8" });
    // They have no date on purpose: a page is as old as the mk that brought it.
    expect(stdout.split("\n").filter((fault) => fault !== "" && !fault.includes("missing date"))).toEqual([]);
  });

  it("are explained only where they exist", () => {
    const names = declare(() => {}).commands.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(DETAILS)));
  });

  it("each load a command", async () => {
    const loads: LoadCommand[] = [];
    const cli = declare((load) => loads.push(load));
    for (const command of cli.commands) command.commandAction?.({});
    expect(loads).toHaveLength(cli.commands.length);
    for (const load of loads) expect(await load()).toBeTypeOf("function");
  });

  it("have every flag that a hint names", () => {
    const cli = declare(() => {});
    const declared = [cli.globalCommand, ...cli.commands].flatMap(({ options }) =>
      options.map(({ rawName }) => rawName),
    );
    const flags = declared.flatMap((rawName) => rawName.match(/--[a-z-]+/g) ?? []);
    const ofDrivers = [docker, hyperkit, kvm2, qemu].flatMap(({ name, options }) =>
      Object.keys(options).map(
        (option) => `${name}-${option.replace(/[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}`,
      ),
    );
    const known = new Set([...flags, ...ofDrivers.flatMap((flag) => [`--${flag}`, `--no-${flag}`])]);
    const sources = readdirSync(join(root, "packages")).flatMap((name) => {
      const directory = join(root, "packages", name, "src");
      const files = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: "utf8" }) : [];
      return files.filter((file) => /(?<!\.test)\.ts$/.test(file)).map((file) => join(directory, file));
    });
    const unknown = sources.flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/\b(?:hint|fix):.*/g)]
        // What is said of other programs' flags stands between quotes, behind their names.
        .flatMap(
          ([line]) => line.replace(/(['`])(?:docker|npm|sudo|virsh) .*?\1/g, "").match(/--[a-z][a-z0-9-]*/g) ?? [],
        )
        .filter((flag) => !known.has(flag))
        .map((flag) => `${file}: ${flag}`),
    );
    expect(unknown).toEqual([]);
    expect(sources.length).toBeGreaterThan(100);
  });

  it("have no name twice", () => {
    const names = declare(() => {}).commands.flatMap((command) => [command.name, ...command.aliasNames]);
    expect(new Set(names).size).toBe(names.length);
    for (const command of declare(() => {}).commands) {
      const flags = command.options.flatMap((option) => option.names);
      expect(new Set(flags).size, command.name).toBe(flags.length);
    }
  });
});

describe("manifests of the workspace's drivers", () => {
  it.each([docker, hyperkit, kvm2, qemu])("say the name and aliases that driver $name has", (driver) => {
    const manifest = join(root, "packages", `driver-${driver.name}`, "package.json");
    const { mk } = JSON.parse(readFileSync(manifest, "utf8"));
    expect({ name: mk.driver, aliases: mk.aliases ?? [], api: mk.api }).toEqual({
      name: driver.name,
      aliases: driver.aliases,
      api: driver.contract,
    });
  });
});
