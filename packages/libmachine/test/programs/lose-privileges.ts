// An mk of an ordinary user beside a driver's process of root's that hangs: it may send it no signal. Arguments: the driver's module, what serves it.
import { IsolatedProcess } from "../../src/isolated/isolated-process.js";
import { ISOLATED_METHODS, toJson } from "../../src/isolated/messages.js";

const [module = "", program = ""] = process.argv.slice(2);
const isolated = new IsolatedProcess({ driver: "pretend", module, program, elevated: false }, process.env);
await isolated.call(ISOLATED_METHODS.Status, toJson({}));
process.kill(isolated.pid!, "SIGSTOP");
process.setgroups!([]);
process.setgid!(65_534);
process.setuid!(65_534);
await isolated.kill();
await isolated.kill();
console.log(isolated.pid);
process.exit();
