import { fileURLToPath } from "node:url";
import { discoverDrivers } from "@mk/core";

const { found } = discoverDrivers({
  home: process.env.HOME ?? "",
  modulePath: fileURLToPath(import.meta.url),
  argv1: process.argv[1],
  env: {},
});
process.stdout.write(JSON.stringify(found));
