const ROM_BYTES = 64 * 1024;

/** QEMU's exit code after the payload wrote 0x10 to the isa-debug-exit device: `(value << 1) | 1`. */
export const AMD64_EXIT_CODE = 33;
/** The port `isa-debug-exit` is given. */
export const AMD64_EXIT_PORT = 0x501;

/**
 * A 64 KiB ROM in place of the firmware. It enters 32-bit protected mode, counts down from 2^20 and ends QEMU with
 * {@link AMD64_EXIT_CODE}.
 *
 * The mode matters: KVM interprets real-mode code itself where the CPU cannot run it, so a real-mode payload ends well even on hosts where
 * no guest instruction ever executes (seen: nested hosts whose /dev/kvm creates machines that then hang).
 */
export function amd64ProbeRom(): Uint8Array {
  const rom = new Uint8Array(ROM_BYTES).fill(0xf4); // hlt
  const place = (offset: number, bytes: readonly number[]) => rom.set(bytes, offset);
  // The reset vector, CS base 0xffff0000: jmp 0xf000
  place(0xfff0, [0xe9, 0x0d, 0xf0]);
  place(0xf000, [
    ...[0xfa], // cli
    ...[0x2e, 0x66, 0x0f, 0x01, 0x16, 0x00, 0xf1], // lgdtl %cs:0xf100
    ...[0x0f, 0x20, 0xc0], // mov %cr0, %eax
    ...[0x0c, 0x01], // or $1, %al
    ...[0x0f, 0x22, 0xc0], // mov %eax, %cr0
    ...[0x66, 0xea, 0x40, 0xf0, 0xff, 0xff, 0x08, 0x00], // ljmpl $8, $0xfffff040
  ]);
  place(0xf040, [
    ...[0x66, 0xb8, 0x10, 0x00], // mov $0x10, %ax
    ...[0x8e, 0xd8], // mov %ax, %ds
    ...[0xb9, 0x00, 0x00, 0x10, 0x00], // mov $0x100000, %ecx
    ...[0x49], // dec %ecx
    ...[0x75, 0xfd], // jnz back to the dec
    ...[0x66, 0xba, AMD64_EXIT_PORT & 0xff, AMD64_EXIT_PORT >> 8], // mov $0x501, %dx
    ...[0xb0, 0x10], // mov $0x10, %al
    ...[0xee], // out %al, %dx
  ]);
  // Limit and base of the descriptor table, then: null, flat code, flat data.
  place(0xf100, [0x17, 0x00, 0x08, 0xf1, 0xff, 0xff]);
  place(0xf108, [0, 0, 0, 0, 0, 0, 0, 0]);
  place(0xf110, [0xff, 0xff, 0, 0, 0, 0x9a, 0xcf, 0]);
  place(0xf118, [0xff, 0xff, 0, 0, 0, 0x92, 0xcf, 0]);
  return rom;
}

/** Where RAM is free on the `virt` machine: QEMU puts the device tree at its start, 0x40000000. */
const ARM64_START = 0x40200000;

/**
 * Arguments that place an arm64 program in the RAM of the `virt` machine and start the CPU there: it calls PSCI's SYSTEM_OFF, so QEMU
 * ends with exit code 0, which a machine without firmware does on no other way. No file is needed.
 */
export function arm64ProbeArguments(): readonly string[] {
  const program = [
    0x52800100, // mov w0, #8
    0x72b08000, // movk w0, #0x8400, lsl #16: SYSTEM_OFF is 0x84000008
    0xd4000002, // hvc #0
    0x14000000, // b .
  ];
  const words = program.flatMap((word, index) => [
    "-device",
    `loader,addr=0x${(ARM64_START + index * 4).toString(16)},data=0x${word.toString(16)},data-len=4`,
  ]);
  return [...words, "-device", `loader,addr=0x${ARM64_START.toString(16)},cpu-num=0`];
}
