import { MkError } from "@mk/core";

/** COMMAND_LINE_SIZE of Linux on x86 and arm64, including the closing NUL. */
const LIMIT_BYTES = 2048;

/** Values by parameter name; undefined leaves a parameter out, the empty string gives the bare name. */
export type KernelParameters = Readonly<Record<string, string | undefined>>;

/** Address, gateway and name server of a guest on QEMU's user network, the same for every one. DHCP would only cost time. */
export const USER_NETWORK = { "mk.ip": "10.0.2.15/24,10.0.2.2,10.0.2.3" } as const;

/**
 * The image's kernel command line followed by the machine's parameters. Values with blanks are put in double quotes, as the kernel's
 * `next_arg` reads them.
 *
 * INVALID_ARGUMENT when the result is longer than the kernel takes: it would cut it off silently. TypeError for a name or value that the
 * kernel has no way to write.
 */
export function buildKernelCommandLine(base: string, parameters: KernelParameters): string {
  const added = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [parameter(name, value)],
  );
  const line = [base.trim(), ...added].filter((part) => part !== "").join(" ");
  const length = Buffer.byteLength(line);
  if (length >= LIMIT_BYTES) {
    throw new MkError(
      "INVALID_ARGUMENT",
      `the kernel command line has ${length} bytes, Linux takes ${LIMIT_BYTES - 1}`,
      {
        hint: "Give fewer or shorter kernel parameters.",
        details: { bytes: length, limit: LIMIT_BYTES - 1 },
      },
    );
  }
  return line;
}

function parameter(name: string, value: string): string {
  if (!/^[A-Za-z0-9_.-]+$/.test(name)) throw new TypeError(`${JSON.stringify(name)} is no kernel parameter name`);
  if (/["\0-\x1f\x7f]/.test(value)) {
    throw new TypeError(`kernel parameter ${name} cannot have the value ${JSON.stringify(value)}`);
  }
  if (value === "") return name;
  return value.includes(" ") ? `${name}="${value}"` : `${name}=${value}`;
}
