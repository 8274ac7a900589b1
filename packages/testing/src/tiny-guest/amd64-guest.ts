/** Where a multiboot kernel is loaded, and what it is compiled for. */
const LOAD_ADDRESS = 0x100000;
const CODE_OFFSET = 64;

/**
 * A guest of some 200 bytes: a multiboot kernel for q35 that writes `greeting` to the serial port, waits for the power button and powers
 * off. It starts in milliseconds even when emulated, and needs no image.
 */
export function tinyAmd64Guest(greeting: string): Uint8Array {
  const hello = encoded(greeting);
  const goodbye = encoded("mk-guest: shutdown uptime=0\n");
  const image = Buffer.alloc(512 + hello.length + goodbye.length);
  const helloAt = 512;
  const goodbyeAt = helloAt + hello.length;
  const put32 = (offset: number, value: number) => image.writeUInt32LE(value >>> 0, offset);
  const header = [
    0x1badb002,
    0x00010000, // the address fields are valid
    -(0x1badb002 + 0x00010000),
    LOAD_ADDRESS,
    LOAD_ADDRESS,
    LOAD_ADDRESS + image.length,
    LOAD_ADDRESS + image.length,
    LOAD_ADDRESS + CODE_OFFSET,
  ];
  for (const [index, word] of header.entries()) put32(index * 4, word);

  const code = [
    // Before the greeting: QEMU drops a press of the button that comes while it is not enabled.
    ...[0x66, 0xba, 0x02, 0x06], // mov $0x602, %dx: PM1 enable
    ...[0x66, 0xb8, 0x00, 0x01], // mov $0x100, %ax: power button
    ...[0x66, 0xef], // out %ax, %dx
    ...print(helloAt),
    ...[0x66, 0xba, 0x00, 0x06], // mov $0x600, %dx: PM1 status
    ...[0xf3, 0x90], // pause
    ...[0x66, 0xed], // in %dx, %ax
    ...[0xf6, 0xc4, 0x01], // test $1, %ah
    ...[0x74, 0xf7], // jz back to the pause
    ...print(goodbyeAt),
    ...[0x66, 0xba, 0x04, 0x06], // mov $0x604, %dx: PM1 control
    ...[0x66, 0xb8, 0x00, 0x20], // mov $0x2000, %ax: sleep enable, S5
    ...[0x66, 0xef], // out %ax, %dx
    ...[0xf4], // hlt
  ];
  image.set(code, CODE_OFFSET);
  image.set(hello, helloAt);
  image.set(goodbye, goodbyeAt);
  return image;
}

/** Writes the text at an offset, up to its NUL, to the first serial port. */
function print(offset: number): readonly number[] {
  const address = Buffer.alloc(4);
  address.writeUInt32LE(LOAD_ADDRESS + offset);
  return [
    ...[0xbe, ...address], // mov $address, %esi
    ...[0x66, 0xba, 0xf8, 0x03], // mov $0x3f8, %dx
    ...[0xac], // lods
    ...[0x84, 0xc0], // test %al, %al
    ...[0x74, 0x03], // jz past the loop
    ...[0xee], // out %al, %dx
    ...[0xeb, 0xf8], // jmp back to the lods
  ];
}

function encoded(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}
