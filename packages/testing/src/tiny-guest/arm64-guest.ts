const GREETING_AT = 256;
const SYSTEM_OFF = [
  0x52800100, // mov w0, #8
  0x72b08000, // movk w0, #0x8400, lsl #16: PSCI's SYSTEM_OFF
  0xd4000002, // hvc #0
  0x14000000, // b .
];

/**
 * A guest for the `virt` machine that does what the one for q35 does: QEMU loads it as a raw kernel, without firmware. The power button is
 * an input of the GPIO controller there.
 */
export function tinyArm64Guest(greeting: string): Uint8Array {
  const hello = Buffer.from(`${greeting}\0`);
  const goodbyeAt = GREETING_AT + Math.ceil(hello.length / 4) * 4;
  const goodbye = Buffer.from("mk-guest: shutdown uptime=0\n\0");
  const image = Buffer.alloc(goodbyeAt + goodbye.length);
  const code: number[] = [0xd2a12001]; // movz x1, #0x0900, lsl #16: the PL011 serial port at 0x09000000
  print(code, GREETING_AT);
  code.push(
    0xd2a12063, // movz x3, #0x0903, lsl #16: the PL061 GPIO controller at 0x09030000
    0xb9402064, // ldr w4, [x3, #0x20]: the data of input 3 alone
    0x34ffffe4, // cbz w4, the line before
  );
  print(code, goodbyeAt);
  code.push(...SYSTEM_OFF);
  for (const [index, word] of code.entries()) image.writeUInt32LE(word, index * 4);
  image.set(hello, GREETING_AT);
  image.set(goodbye, goodbyeAt);
  return image;
}

/** Writes the text at an offset, up to its NUL, to the serial port at x1. */
function print(code: number[], offset: number): void {
  const distance = offset - code.length * 4;
  code.push(
    0x10000000 | ((distance >> 2) << 5), // adr x0, the text
    0x38401402, // ldrb w2, [x0], #1
    0x34000062, // cbz w2, past the loop
    0xb9000022, // str w2, [x1]
    0x17fffffd, // b to the ldrb
  );
}
