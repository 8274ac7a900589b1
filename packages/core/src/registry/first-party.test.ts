import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { FIRST_PARTY_DRIVERS } from "./first-party.js";

it("has the drivers of this project with the names of their manifests", async () => {
  const packages = new URL("../../../", import.meta.url);
  const names = (await readdir(packages)).filter((name) => name.startsWith("driver-"));
  const drivers = await Promise.all(
    names.map(async (directory) => {
      const { name, mk } = JSON.parse(await readFile(new URL(`${directory}/package.json`, packages), "utf8"));
      return [mk.driver, { packageName: name, aliases: mk.aliases ?? [] }];
    }),
  );
  expect(FIRST_PARTY_DRIVERS).toEqual(Object.fromEntries(drivers));
});
