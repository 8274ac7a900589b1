import { MkError } from "../errors.js";

/** INVALID_OPTION for one option: `where` is how the user gave it (`--qemu-accelerator`, `MK_QEMU_ACCELERATOR`, `qemu.accelerator` in the config file). */
export function optionError(where: string, problem: string, hint: string): MkError {
  return new MkError("INVALID_OPTION", `${where} ${problem}`, { hint });
}
