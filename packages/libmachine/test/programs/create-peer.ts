// An mk that makes one machine of the driver named on the command line and tells how it goes: what a test stops and kills.
import { loadExternalDriver } from "../../src/index.js";
import { machineContext } from "../support/machine-context.js";
import { operation } from "../support/operation.js";

const signal = AbortSignal.timeout(120_000);
const driver = await loadExternalDriver({ name: "peer", path: process.argv[2]! }, signal);
const context = await machineContext();
const machine = await driver.createDriver(driver.createConfig(context.spec, { token: "t" }), context);
console.log(context.directory);
try {
  await machine.create({ ...operation(signal), log: (line) => console.log(`log ${line}`) });
  console.log(`created ${JSON.stringify(await machine.inspect(operation(signal)))}`);
} catch (error) {
  console.log(`failed ${String(error)}`);
} finally {
  await machine.close?.();
  await context[Symbol.asyncDispose]();
}
