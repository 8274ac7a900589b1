export { raceAbort } from "./abort/race-abort.js";
export type {
  CallOptions,
  DockerEnvironment,
  DriverReport,
  ExecOptions,
  ExecResult,
  Forward,
  ImageSource,
  MachineHandle,
  MachineInfo,
  Mk,
  MkOptions,
  SettingChange,
  StartRequest,
} from "./api.js";
export {
  CONTRACT_VERSION,
  type Driver,
  type DriverDefinition,
  type DriverPriority,
  type DriverTraits,
  type MachineContext,
  type StatusRequest,
} from "./contract/driver.js";
export { ENGINE_PORT, GUEST_ACCESS, GUEST_PORTS } from "./contract/guest.js";
export type {
  CommandResult,
  ConnectTarget,
  DaemonOptions,
  FileStat,
  Files,
  Host,
  HostProcess,
  HostUser,
  Network,
  PortLease,
  Processes,
  ProcessIdentity,
  RunOptions,
} from "./contract/host.js";
export type { Machine } from "./contract/machine.js";
export type { Operation, Progress } from "./contract/operation.js";
export type { OptionSpec, OptionSpecs, OptionValues } from "./contract/options.js";
export type { GuestArch, GuestImage, MachineSpec, MountSpec, PortSpec, SeedFile } from "./contract/spec.js";
export type { DriverStatus, Endpoint, MachineAccess, MachineState, MachineStatus } from "./contract/status.js";
export { createMk } from "./create-mk.js";
export { DEFAULT_HARDWARE, DEFAULT_MACHINE } from "./defaults.js";
export { defineDriver } from "./define-driver.js";
export { type Discovery, type DiscoveryInput, discoverDrivers } from "./discovery/discover-drivers.js";
export type { ExternalDriver } from "./discovery/external-drivers.js";
export type { DriverRoot } from "./discovery/roots.js";
export {
  ERROR_CODES,
  hintOf,
  MkError,
  type MkErrorCode,
  type MkErrorInit,
  messageOf,
  type SerializedMkError,
} from "./errors.js";
export type { EventData, MkEvent, OperationName, PhaseTiming } from "./events/event.js";
export { createEventLog, type EventLog } from "./events/event-log.js";
export { setFailpoints } from "./failpoints/failpoint.js";
export { listFailpoints } from "./failpoints/list-failpoints.js";
export { hostArch, isNativeArch } from "./host/host-arch.js";
export { addressAt, findOverlap, formatSubnet, notBroader, parseSubnet, type Subnet } from "./host/ipv4-subnet.js";
export { createNodeHost, type NodeHostOptions } from "./host/node-host.js";
export { isProcessIdentity } from "./host/process-identity.js";
export { assertUnixPath, unixPathLimit } from "./host/unix-path.js";
export { type OperationInit, runOperation } from "./lifecycle/operation.js";
export { optionDescription, optionPlaceholder } from "./options/option-help.js";
export { type NamedOption, namedOptions, toKebab } from "./options/option-name.js";
export { parseOption } from "./options/parse-option.js";
export { formatSizeMiB, parseCount, parseSizeMiB } from "./options/parse-size.js";
export {
  checkOptions,
  type OptionSources,
  resolveOptions,
  unknownOption,
} from "./options/resolve-options.js";
export { packageEntry, valueEntry } from "./registry/driver-entry.js";
export { isDriverName } from "./registry/driver-name.js";
export type { DriverEntry, DriverManifest, SkippedDriver } from "./registry/entry.js";
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
export { acquireLock, type Lock, type LockOptions, type LockOwner } from "./store/lock.js";
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
