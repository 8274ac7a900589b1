export { buildDriver } from "./build-driver.js";
export { INSTALLERS, type Installation } from "./installers.js";
export { type Published, publishPackages } from "./published.js";
export { repack } from "./repack.js";
export { runTool, type ToolResult } from "./run-tool.js";
export { openTerminal, type Terminal } from "./terminal.js";
export { installTools, type Tools } from "./tools.js";
