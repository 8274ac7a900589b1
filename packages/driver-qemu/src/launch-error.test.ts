import { describe, expect, test } from "vitest";
import { launchError } from "./launch-error.js";

const FAILED = { exitCode: 1, signal: null };
const Q = "qemu-system-x86_64: ";

describe("launchError", () => {
  // What QEMU 7.2 and 9.2 really wrote.
  test.each([
    [
      "Could not access KVM kernel module: Permission denied\nqemu-system-x86_64: failed to initialize kvm: Permission denied",
      "PERMISSION_DENIED",
    ],
    [
      "Could not access KVM kernel module: No such file or directory\nqemu-system-x86_64: failed to initialize kvm: No such file or directory",
      "DRIVER_UNAVAILABLE",
    ],
    [`${Q}error: failed to set MSR 0x10a to 0x69`, "DRIVER_UNAVAILABLE"],
    [`${Q}-accel hvf: invalid accelerator hvf`, "DRIVER_UNAVAILABLE"],
    [`${Q}-sandbox support is not enabled in this QEMU binary`, "DRIVER_UNAVAILABLE"],
    [`${Q}cannot set up guest memory 'pc.ram': Cannot allocate memory`, "DRIVER_FAILED"],
    [
      `${Q}-device {"driver":"virtio-blk-pci"}: Failed to get "write" lock\nIs another process using the image [/d]?`,
      "MACHINE_BUSY",
    ],
    [`${Q}cannot create PID file: Cannot lock pid file: Resource temporarily unavailable`, "MACHINE_BUSY"],
    [`${Q}unsupported machine type\nUse -machine help to list supported machines`, "INVALID_OPTION"],
    [`${Q}unable to find CPU model 'i486dx'`, "INVALID_OPTION"],
    [`${Q}-blockdev {}: Could not open '/r': No such file or directory`, "MACHINE_BROKEN"],
    [`${Q}could not load kernel '/k': No such file or directory`, "MACHINE_BROKEN"],
    [`${Q}-chardev file: could not write: No space left on device`, "NO_SPACE"],
    [`${Q}something nobody knows`, "DRIVER_FAILED"],
    ["", "DRIVER_FAILED"],
  ] as const)("tells what to do about %j", (output, code) => {
    const error = launchError(output, FAILED);
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(/^[A-Z].*\.$/);
    expect(error.details).toMatchObject({ output });
  });

  test("quotes QEMU's last words without its name, warnings aside", () => {
    const output = `${Q}warning: old\n/usr/bin/${Q}no such bus\n${Q}warning: cpu\n`;
    expect(launchError(output, FAILED).message).toBe("QEMU ended while starting (exit code 1): no such bus");
  });

  test("names the signal that ended QEMU", () => {
    expect(launchError("", { exitCode: null, signal: "SIGSEGV" }).message).toBe("QEMU ended while starting (SIGSEGV)");
  });
});
