export { Bench, type Reachable } from "./bench.js";
export { conformance } from "./conformance.js";
export type { ContractTest } from "./contract-test.js";
export { contractTests } from "./kit.js";
export { memoryDriver } from "./memory-driver/driver.js";
export type { Address, ConnectionHandler } from "./scripted-host/network.js";
export type { Program, ScriptedProcess } from "./scripted-host/program.js";
export { ScriptedHost, type ScriptedHostOptions, scriptedHost } from "./scripted-host/scripted-host.js";
export type { ConformanceSetup, KnownFailures, Mode } from "./setup.js";
