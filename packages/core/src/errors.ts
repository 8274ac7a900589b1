/**
 * Every error code of mk, with the exit code the CLI ends with and what the code means.
 * Codes are API: they do not change between major versions, messages may. docs/errors.md is generated from this table.
 */
export const ERROR_CODES = {
  INTERNAL: { exitCode: 1, meaning: "mk met a state it does not know. This is a bug." },
  INVALID_ARGUMENT: {
    exitCode: 2,
    meaning: "A flag, an argument or a value given to the API is not of the form it must have.",
  },
  INVALID_OPTION: { exitCode: 2, meaning: "A driver option has a value the driver does not take." },
  INVALID_NAME: { exitCode: 2, meaning: "A machine name breaks the rule for names." },
  UNKNOWN_COMMAND: { exitCode: 2, meaning: "There is no such command or flag." },
  CONFIG_INVALID: { exitCode: 2, meaning: "The user's configuration file or a setting in it cannot be used." },
  MACHINE_ABSENT: { exitCode: 4, meaning: "There is no machine of that name, or it was removed behind mk's back." },
  MACHINE_EXISTS: { exitCode: 5, meaning: "A machine of that name exists already, or a foreign object has its name." },
  MACHINE_NOT_RUNNING: { exitCode: 6, meaning: "The command needs a running machine." },
  MACHINE_BUSY: { exitCode: 7, meaning: "Another mk process works on this machine." },
  MACHINE_BROKEN: { exitCode: 8, meaning: "The machine is in a state its driver cannot work with." },
  MACHINE_SETTINGS: {
    exitCode: 5,
    meaning:
      "The settings asked for cannot be given to the existing machine without a restart, a new machine or loss of data.",
  },
  MACHINE_UNRESPONSIVE: {
    exitCode: 9,
    meaning: "The hypervisor or the driver does not answer, so the machine's state is unknown.",
  },
  CONFIG_CORRUPT: {
    exitCode: 15,
    meaning: "A machine's stored state does not parse or fails its checksum. It was set aside.",
  },
  STATE_TOO_NEW: { exitCode: 15, meaning: "A file was written by a newer mk and is left as it is." },
  DRIVER_UNKNOWN: { exitCode: 10, meaning: "No driver of that name is known." },
  DRIVER_MISSING: { exitCode: 10, meaning: "The driver's package is not installed." },
  DRIVER_UNSUPPORTED: {
    exitCode: 10,
    meaning: "The driver does not support this operating system, CPU or version of mk.",
  },
  DRIVER_UNAVAILABLE: {
    exitCode: 10,
    meaning: "What the driver needs on this host is missing, unhealthy or not running.",
  },
  DRIVER_INVALID: {
    exitCode: 10,
    meaning: "A driver package breaks the rules for drivers: names, manifest, exports or ownership.",
  },
  DRIVER_FAILED: { exitCode: 11, meaning: "The driver failed with an error of its own." },
  NO_DRIVER: { exitCode: 10, meaning: "No installed driver can run here." },
  COMMAND_FAILED: { exitCode: 11, meaning: "A program mk ran ended with an error." },
  COMMAND_NOT_FOUND: { exitCode: 12, meaning: "A program mk needs is not installed." },
  PERMISSION_DENIED: { exitCode: 12, meaning: "The user may not use a file, a socket or a program that mk needs." },
  NO_SPACE: { exitCode: 13, meaning: "There is no space left on a disk that mk writes to." },
  IO_FAILED: { exitCode: 13, meaning: "Reading or writing a file failed." },
  PATH_TOO_LONG: {
    exitCode: 2,
    meaning: "A path is longer than the operating system takes, for example over 107 bytes for a unix socket.",
  },
  PORT_IN_USE: { exitCode: 14, meaning: "A port mk must listen on is taken." },
  NETWORK_CONFLICT: { exitCode: 14, meaning: "No free subnet was found, or a network of that name is not mk's." },
  NETWORK_FAILED: { exitCode: 14, meaning: "A connection could not be made or broke." },
  DOWNLOAD_FAILED: { exitCode: 16, meaning: "A file could not be downloaded." },
  INTEGRITY: { exitCode: 17, meaning: "A file's digest or signature is not what it must be. It was not used." },
  IMAGE_ABSENT: { exitCode: 16, meaning: "The guest image has not been built, or the machine's image was removed." },
  IMAGE_IN_USE: { exitCode: 5, meaning: "A machine uses this guest image." },
  SSH_FAILED: { exitCode: 18, meaning: "The machine's SSH server did not accept the connection." },
  HOST_KEY_CHANGED: { exitCode: 17, meaning: "The machine's SSH host key is not the one mk gave it." },
  GUEST_FAILED: { exitCode: 18, meaning: "The guest reported that it could not start one of its services." },
  GUEST_UNSUPPORTED: { exitCode: 18, meaning: "The guest's operating system lacks what the command needs." },
  NOT_SUPPORTED: { exitCode: 19, meaning: "The driver or this platform does not offer the ability asked for." },
  PLUGIN_CRASHED: { exitCode: 20, meaning: "A driver that runs out of process ended unexpectedly." },
  PROTOCOL_ERROR: { exitCode: 20, meaning: "A peer did not keep to its protocol." },
  TIMED_OUT: { exitCode: 21, meaning: "Something did not happen before its deadline." },
  CANCELLED: { exitCode: 130, meaning: "The user ended the command." },
} as const satisfies Record<string, { exitCode: number; meaning: string }>;

/** Codes are API: one is never renamed, and a new one is a change of the contract. */
export type MkErrorCode = keyof typeof ERROR_CODES;

/** What an error says besides its code and message. */
export interface MkErrorInit {
  /** What to do about it: one imperative sentence for the user, often a command. */
  readonly hint?: string | undefined;
  /** Where to read more: an absolute URL, or a path below mk's docs folder. */
  readonly docs?: string | undefined;
  readonly cause?: unknown;
  /** Facts for programs: plain JSON, no secrets. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

const brand = Symbol.for("mk.error");

/** The one error class of mk. Wrong arguments from code (not from users) are plain `TypeError`s. */
export class MkError extends Error {
  static {
    Object.defineProperties(MkError.prototype, { name: { value: "MkError" }, [brand]: { value: true } });
  }
  readonly code: MkErrorCode;
  readonly hint: string | undefined;
  readonly docs: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: MkErrorCode, message: string, { hint, docs, details, cause }: MkErrorInit = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.docs = docs;
    this.details = details;
  }

  /** Recognises an MkError of any copy of this package: a driver may carry its own. Use it rather than `instanceof`. */
  static is(value: unknown, code?: MkErrorCode): value is MkError {
    if (typeof value !== "object" || value === null || !(brand in value)) return false;
    return code === undefined || (value as unknown as MkError).code === code;
  }

  /** Plain data for `--output json`, events and RPC. The cause is reduced to its message. */
  toJSON(): SerializedMkError {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint !== undefined && { hint: this.hint }),
      ...(this.docs !== undefined && { docs: this.docs }),
      ...(this.details !== undefined && { details: this.details }),
      ...(this.cause !== undefined && { cause: messageOf(this.cause) }),
    };
  }
}

/** What an error says; of anything else that was thrown, its text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An MkError as plain data: what is stored, printed as JSON and sent to other processes. Causes are text. */
export interface SerializedMkError {
  readonly code: MkErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly docs?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: string;
}
