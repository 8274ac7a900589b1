export * from "./api.js";
export * from "./contract/driver.js";
export * from "./contract/host.js";
export * from "./contract/json.js";
export * from "./contract/machine.js";
export * from "./contract/operation.js";
export * from "./contract/options.js";
export * from "./contract/spec.js";
export * from "./contract/status.js";
export { createMk } from "./create-mk.js";
export { defineDriver } from "./define-driver.js";
export { type Discovery, type DiscoveryInput, discoverDrivers } from "./discovery/discover-drivers.js";
export type { ExternalDriver } from "./discovery/external-drivers.js";
export type { DriverRoot } from "./discovery/roots.js";
export { ERROR_CODES, MkError, type MkErrorCode, type MkErrorInit, type SerializedMkError } from "./errors.js";
export * from "./events/event.js";
export { createEventLog, type EventLog } from "./events/event-log.js";
export { setFailpoints } from "./failpoints/failpoint.js";
export { listFailpoints } from "./failpoints/list-failpoints.js";
export { createNodeHost, type NodeHostOptions } from "./host/node-host.js";
export { assertUnixPath, unixPathLimit } from "./host/unix-path.js";
export { type OperationInit, runOperation } from "./lifecycle/operation.js";
export { optionDescription, optionPlaceholder } from "./options/option-help.js";
export { type NamedOption, namedOptions, toKebab } from "./options/option-name.js";
export { parseOption } from "./options/parse-option.js";
export { formatSizeMiB, parseCount, parseSizeMiB } from "./options/parse-size.js";
export {
  checkOptions,
  type OptionSources,
  redactOptions,
  resolveOptions,
  unknownOption,
} from "./options/resolve-options.js";
export { packageEntry, valueEntry } from "./registry/driver-entry.js";
export { isDriverName } from "./registry/driver-name.js";
export * from "./registry/entry.js";
export { FIRST_PARTY_DRIVERS, firstPartyDriver } from "./registry/first-party.js";
export { createRegistry, type Registry, type RegistryInit } from "./registry/registry.js";
export { suggest } from "./registry/suggest.js";
export { type Probe, type ProbeOptions, probeDrivers } from "./selection/probe.js";
export { type DriverWishes, type RejectedDriver, type Selection, selectDriver } from "./selection/select-driver.js";
export { createTransport, type TransportOptions } from "./ssh/create-transport.js";
export { knownHostsLine } from "./ssh/known-hosts.js";
export { quoteForShell } from "./ssh/quote-for-shell.js";
export { type InteractiveOptions, interactiveSshCommand, sshConfig } from "./ssh/ssh-config.js";
export type { SshDeadlines, SshPhase } from "./ssh/ssh-connection.js";
export { generateSshKeyPair, type SshKeyPair } from "./ssh/ssh-key.js";
export { hostKeyAlias, type SshTarget, sshTarget } from "./ssh/ssh-target.js";
export type { ForwardSource, ForwardTarget, ShellOptions, Transport, TransportExecOptions } from "./ssh/transport.js";
export { getSetting, listSettings, withSetting } from "./user-config/edit-config.js";
export { type ConfigFile, settingOf } from "./user-config/parse-user-config.js";
export { SETTINGS, type Setting } from "./user-config/settings.js";
export type { UserConfig } from "./user-config/user-config.js";
export {
  driverSetting,
  readConfigFile,
  readUserConfig,
  userConfigPath,
  writeConfigFile,
} from "./user-config/user-config-file.js";
