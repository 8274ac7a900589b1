// A program that leaves everything open but mk itself. argv: home, script of the process driver.
import { createMk } from "@mk/core";
import { fakeImages } from "../images.js";
import { processDriver } from "../process-driver/process-driver.js";

const [home = "", script = ""] = process.argv.slice(2);
const mk = createMk({ home, drivers: [processDriver({ script })], images: fakeImages() });
const machine = await mk.machine("mk");
await machine.exec(["true"]);
await machine.forward({}, { port: 1 });
machine.exec(["sleep", "600"]).catch(() => undefined);
const events = (async () => {
  for await (const event of machine.events()) void event;
})();
await mk[Symbol.asyncDispose]();
await events;
process.stdout.write("disposed");
