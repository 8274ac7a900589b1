// A program that asks a driver for what it never answers, with nothing else to do. argv: home, script of the process driver.
import { createMk } from "@mk/core";
import { fakeImages } from "../images.js";
import { processDriver } from "../process-driver/process-driver.js";

const [home = "", script = ""] = process.argv.slice(2);
const inspect = (): Promise<never> => new Promise(() => undefined);
const driver = processDriver({ script, change: (machine) => ({ ...machine, inspect }) });
await using mk = createMk({ home, drivers: [driver], images: fakeImages() });
const { state } = await (await mk.machine("mk")).status();
process.stdout.write(state);
