// mk as a process of its own, to be killed. argv: home, script of the process driver, machine's name, command.
import { createMk, ERROR_CODES, MkError } from "@mk/core";
import { fakeImages } from "../images.js";
import { killDriver } from "./kill-driver.js";

const [home = "", script = "", name = "", command = ""] = process.argv.slice(2);
const stop = new AbortController();
let exitCode = 0;

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => {
    // A second one means now.
    if (stop.signal.aborted) process.exit(code);
    exitCode = code;
    stop.abort(new MkError("CANCELLED", `ended by ${signal}`));
  });
}

await using mk = createMk({ home, drivers: [killDriver(script)], images: fakeImages(), signal: stop.signal });
try {
  if (command === "start") await mk.start({ name });
  else if (command === "reconfigure") await mk.start({ name, cpus: 7, allow: "restart" });
  else if (command === "recreate") await mk.start({ name, options: { size: "large" }, allow: "recreate" });
  else if (command === "stop") await (await mk.machine(name)).stop();
  else if (command === "cut") await (await mk.machine(name)).stop({ force: true });
  else if (command === "pause") await (await mk.machine(name)).pause();
  else if (command === "resume") await (await mk.machine(name)).resume();
  else if (command === "delete") await (await mk.machine(name)).delete();
  else throw new TypeError(`unknown command ${command}`);
  process.stdout.write(`${JSON.stringify({ ok: true })}\n`);
} catch (error) {
  if (!MkError.is(error)) throw error;
  process.stdout.write(`${JSON.stringify(error)}\n`);
  exitCode ||= ERROR_CODES[error.code].exitCode;
}
process.exitCode = exitCode;
