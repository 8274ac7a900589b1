export { type Installation, type Installer, installers } from "./installers.js";
export { type PackedPackage, packPackages } from "./pack.js";
export { Registry } from "./registry.js";
export { runTool, type ToolResult } from "./run-tool.js";
export { installTools, type Tools } from "./tools.js";
