import { MkError } from "../errors.js";

/** INVALID_OPTION for one option: `where` is how the user gave it (`--qemu-accel`, `MK_QEMU_ACCEL`, `qemu.accel` in the config file). */
export function optionError(where: string, problem: string, hint: string): MkError {
  return new MkError("INVALID_OPTION", `${where} ${problem}`, { hint });
}
