/**
 * Every error code of mk, with the exit code the CLI ends with, what the code means and what to do when the error itself does not say it.
 * Codes are API: they do not change between major versions, messages may. docs/errors.md is generated from this table.
 */
export const ERROR_CODES = {
  INTERNAL: {
    exitCode: 1,
    meaning: "mk met a state it does not know. This is a bug.",
    fix: "Run the command again with MK_DEBUG=1 and report what it prints.",
  },
  INVALID_ARGUMENT: {
    exitCode: 2,
    meaning: "A flag, an argument or a value given to the API is not of the form it must have.",
    fix: "See the form it must have with `mk <command> --help`.",
  },
  INVALID_OPTION: {
    exitCode: 2,
    meaning: "A driver option has a value the driver does not take.",
    fix: "See what the driver takes with `mk start --driver=<name> --help`.",
  },
  INVALID_NAME: {
    exitCode: 2,
    meaning: "A machine name breaks the rule for names.",
    fix: "Use 1 to 50 lower-case letters, digits and inner hyphens.",
  },
  UNKNOWN_COMMAND: {
    exitCode: 2,
    meaning: "There is no such command or flag.",
    fix: "See the commands with `mk --help`.",
  },
  CONFIG_INVALID: {
    exitCode: 2,
    meaning: "The user's configuration file or a setting in it cannot be used.",
    fix: "See your settings with `mk config list`, and remove one with `mk config unset <setting>`.",
  },
  MACHINE_ABSENT: {
    exitCode: 4,
    meaning: "There is no machine of that name, or it was removed behind mk's back.",
    fix: "See your machines with `mk list`.",
  },
  MACHINE_EXISTS: {
    exitCode: 5,
    meaning: "A machine of that name exists already, or a foreign object has its name.",
    fix: "Choose another name with -p, or remove what has it.",
  },
  MACHINE_NOT_RUNNING: {
    exitCode: 6,
    meaning: "The command needs a running machine.",
    fix: "Start it with `mk start -p <name>`.",
  },
  MACHINE_BUSY: {
    exitCode: 7,
    meaning: "Another mk process works on this machine.",
    fix: "Wait for the other command, or end it, and run this one again.",
  },
  MACHINE_BROKEN: {
    exitCode: 8,
    meaning: "The machine is in a state its driver cannot work with.",
    fix: "Boot it anew with `mk stop --force -p <name>` and `mk start -p <name>`.",
  },
  MACHINE_SETTINGS: {
    exitCode: 5,
    meaning:
      "The settings asked for cannot be given to the existing machine without a restart, a new machine or loss of data.",
    fix: "Agree to the cost with --allow, or start it without these settings.",
  },
  MACHINE_UNRESPONSIVE: {
    exitCode: 9,
    meaning: "The hypervisor or the driver does not answer, so the machine's state is unknown.",
    fix: "Ask `mk doctor` what is wrong with the driver, or cut the power with `mk stop --force -p <name>`.",
  },
  CONFIG_CORRUPT: {
    exitCode: 15,
    meaning: "A machine's stored state does not parse or fails its checksum. It was set aside.",
    fix: "Put a good copy of what it names in its place.",
  },
  STATE_TOO_NEW: { exitCode: 15, meaning: "A file was written by a newer mk and is left as it is.", fix: "Update mk." },
  DRIVER_UNKNOWN: {
    exitCode: 10,
    meaning: "No driver of that name is known.",
    fix: "See the drivers with `mk driver list`.",
  },
  DRIVER_MISSING: {
    exitCode: 10,
    meaning: "The driver's package is not installed.",
    fix: "Install it with `mk driver add <name>`.",
  },
  DRIVER_UNSUPPORTED: {
    exitCode: 10,
    meaning: "The driver does not support this operating system, CPU or version of mk.",
    fix: "Choose another driver from `mk driver list`, or update mk and the driver.",
  },
  DRIVER_UNAVAILABLE: {
    exitCode: 10,
    meaning: "What the driver needs on this host is missing, unhealthy or not running.",
    fix: "See what is missing with `mk doctor`; `mk doctor --fix` installs it.",
  },
  DRIVER_INVALID: {
    exitCode: 10,
    meaning: "A driver package breaks the rules for drivers: names, manifest, exports or ownership.",
    fix: "See what is wrong with it with `mk driver list`, and install it again.",
  },
  DRIVER_FAILED: {
    exitCode: 11,
    meaning: "The driver failed with an error of its own.",
    fix: "Run the command again with MK_DEBUG=1, which tells the whole cause; report it to the makers of the driver.",
  },
  NO_DRIVER: {
    exitCode: 10,
    meaning: "No installed driver can run here.",
    fix: "See why each was passed over with `mk driver list`, and what to install with `mk doctor`.",
  },
  COMMAND_FAILED: {
    exitCode: 11,
    meaning: "A program mk ran ended with an error.",
    fix: "Read what the program said; run it by hand to see more.",
  },
  COMMAND_NOT_FOUND: {
    exitCode: 12,
    meaning: "A program mk needs is not installed.",
    fix: "See what to install with `mk doctor`; `mk doctor --fix` does it.",
  },
  PERMISSION_DENIED: {
    exitCode: 12,
    meaning: "The user may not use a file, a socket or a program that mk needs.",
    fix: "Give your user the right to it, or choose another one.",
  },
  NO_SPACE: {
    exitCode: 13,
    meaning: "There is no space left on a disk that mk writes to.",
    fix: "Free some space and run the command again.",
  },
  IO_FAILED: {
    exitCode: 13,
    meaning: "Reading or writing a file failed.",
    fix: "Check the path and its file system, then run the command again.",
  },
  PATH_TOO_LONG: {
    exitCode: 2,
    meaning: "A path is longer than the operating system takes, for example over 107 bytes for a unix socket.",
    fix: "Use a shorter path, for example another MK_HOME.",
  },
  PORT_IN_USE: {
    exitCode: 14,
    meaning: "A port mk must listen on is taken.",
    fix: "Choose another port, or end the program that has it.",
  },
  NETWORK_CONFLICT: {
    exitCode: 14,
    meaning: "No free subnet was found, or a network of that name is not mk's.",
    fix: "Choose another subnet or network.",
  },
  NETWORK_FAILED: {
    exitCode: 14,
    meaning: "A connection could not be made or broke.",
    fix: "Check that the other side runs and can be reached, and run the command again.",
  },
  DOWNLOAD_FAILED: {
    exitCode: 16,
    meaning: "A file could not be downloaded.",
    fix: "Check the network and run the command again: it goes on where it was.",
  },
  INTEGRITY: {
    exitCode: 17,
    meaning: "A file's digest or signature is not what it must be. It was not used.",
    fix: "Run the command again; if it stays so, name another mirror with --mirror or MK_DEBIAN_MIRROR.",
  },
  IMAGE_ABSENT: {
    exitCode: 16,
    meaning: "The guest image has not been built, or the machine's image was removed.",
    fix: "Build one with `mk image build`.",
  },
  IMAGE_IN_USE: {
    exitCode: 5,
    meaning: "A machine uses this guest image.",
    fix: "Delete the machines that use it first.",
  },
  SSH_FAILED: {
    exitCode: 18,
    meaning: "The machine's SSH server did not accept the connection.",
    fix: "Read `mk logs -p <name>`, and boot the machine anew with `mk restart -p <name>`.",
  },
  HOST_KEY_CHANGED: {
    exitCode: 17,
    meaning: "The machine's SSH host key is not the one mk gave it.",
    fix: "Trust that address only if you know why the key is another one; otherwise make the machine anew.",
  },
  GUEST_FAILED: {
    exitCode: 18,
    meaning: "The guest reported that it could not start one of its services.",
    fix: "Read `mk logs -p <name>`, and boot the machine anew with `mk restart -p <name>`.",
  },
  GUEST_UNSUPPORTED: {
    exitCode: 18,
    meaning: "The guest's operating system lacks what the command needs.",
    fix: "Use a guest that has it, such as the one of `mk image build`.",
  },
  NOT_SUPPORTED: {
    exitCode: 19,
    meaning: "The driver or this platform does not offer the ability asked for.",
    fix: "Use a machine of another driver.",
  },
  PLUGIN_CRASHED: {
    exitCode: 20,
    meaning: "A driver that runs out of process ended unexpectedly.",
    fix: "Run the command again: it finishes or undoes what was begun.",
  },
  PROTOCOL_ERROR: {
    exitCode: 20,
    meaning: "A peer did not keep to its protocol.",
    fix: "Update both sides, or report it to the makers of the peer.",
  },
  TIMED_OUT: {
    exitCode: 21,
    meaning: "Something did not happen before its deadline.",
    fix: "Run the command again: it goes on from what is there.",
  },
  CANCELLED: {
    exitCode: 130,
    meaning: "The user ended the command.",
    fix: "Run the command again: it finishes or undoes what was begun.",
  },
} as const satisfies Record<string, { exitCode: number; meaning: string; fix: string }>;

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

/** What to do about an error: its own hint, or else what mostly helps for its code. Undefined for the code of a newer mk. */
export function hintOf({
  code,
  hint,
}: {
  readonly code: MkErrorCode;
  readonly hint?: string | undefined;
}): string | undefined {
  return hint ?? (Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code].fix : undefined);
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
