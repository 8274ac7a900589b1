import { MkError, type MkErrorCode } from "@mk/core";

interface KnownFailure {
  readonly pattern: RegExp;
  readonly code: MkErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** QEMU tells why it did not start in words alone; these are of 6.2 to 10. */
const KNOWN: readonly KnownFailure[] = [
  {
    pattern: /Failed to get (shared )?"\w+" lock|Is another process using the image/,
    code: "MACHINE_BUSY",
    message: "another process uses the machine's disk",
    hint: "End the other QEMU that has this disk open.",
  },
  {
    pattern: /pid ?file.*(lock|Resource temporarily unavailable)|cannot lock pid file/i,
    code: "MACHINE_BUSY",
    message: "another QEMU runs for this machine",
    hint: "Stop the machine with --force.",
  },
  {
    pattern: /KVM.*Permission denied|failed to initialize (kvm|hvf|whpx).*(denied|not permitted)/i,
    code: "PERMISSION_DENIED",
    message: "the accelerator may not be used",
    hint: "Add yourself to the group kvm and log in again, or start with --qemu-accelerator=tcg.",
  },
  {
    pattern: /invalid accelerator|failed to initialize \w+|MSR 0x|Could not access KVM|No accelerator found/i,
    code: "DRIVER_UNAVAILABLE",
    message: "the accelerator does not work here",
    hint: "Start with --qemu-accelerator=auto, which takes one that works.",
  },
  {
    pattern: /Address already in use/i,
    code: "PORT_IN_USE",
    message: "a port of QEMU's monitor was taken by another program",
    hint: "Start the machine again.",
  },
  {
    pattern: /Cannot allocate memory|cannot set up guest memory/i,
    code: "DRIVER_FAILED",
    message: "there is not enough memory for the guest",
    hint: "Start with a smaller --memory.",
  },
  {
    pattern: /No space left on device/,
    code: "NO_SPACE",
    message: "there is no space left for the machine's files",
    hint: "Free space on the disk that holds mk's home.",
  },
  {
    pattern: /unsupported machine type|unable to find CPU model|Property '.*' not found/,
    code: "INVALID_OPTION",
    message: "this QEMU does not know a machine type or CPU that was asked for",
    hint: "Leave out --qemu-machine-type and --qemu-cpu, or take them from QEMU's own lists.",
  },
  {
    pattern: /-sandbox support is not enabled/,
    code: "DRIVER_UNAVAILABLE",
    message: "this QEMU was built without seccomp",
    hint: "Start with --no-qemu-sandbox.",
  },
  {
    pattern: /Could not open '.*': No such file|could not load kernel/i,
    code: "MACHINE_BROKEN",
    message: "a file of the machine or of its image is gone",
    hint: "Delete the machine and create it again.",
  },
];

const TAIL_CHARACTERS = 4_000;

/** The error for a QEMU that ended instead of starting, from what it wrote. */
export function launchError(
  output: string,
  exit: { readonly exitCode: number | null; readonly signal: string | null },
) {
  const said = output.trim().slice(-TAIL_CHARACTERS);
  const lines = said.split("\n").map((line) => line.replace(/^\S*qemu-system-\S+: /, "").trim());
  const last = lines.findLast((line) => line !== "" && !/^warning:/i.test(line));
  const details = { output: said, exitCode: exit.exitCode, signal: exit.signal };
  const known = KNOWN.find(({ pattern }) => pattern.test(said));
  if (known !== undefined) {
    const message = last === undefined ? known.message : `${known.message}: ${last}`;
    return new MkError(known.code, message, { hint: known.hint, details });
  }
  const end = exit.signal === null ? `exit code ${exit.exitCode}` : exit.signal;
  return new MkError("DRIVER_FAILED", `QEMU ended while starting (${end})${last === undefined ? "" : `: ${last}`}`, {
    hint: "Look at qemu.log in the machine's directory.",
    details,
  });
}
