export { declare, type Invoke, type LoadCommand } from "./cli.js";
export { main } from "./main.js";
export { version } from "./version.js";
