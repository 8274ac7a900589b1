import { Duplex } from "node:stream";

/**
 * The stream, with every byte that is written in a TLS record of its own.
 *
 * QEMU's monitor reads one byte at a time and then waits for its socket to be readable, which it is not while the rest of the record lies
 * in GnuTLS' buffer: of a longer record QEMU sees one byte and then nothing (seen with QEMU 7.2 and GnuTLS 3.7). mk's commands have some
 * hundred bytes.
 */
export function recordPerByte(socket: Duplex): Duplex {
  const outer = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      // Each byte waits for the one before: what is written meanwhile would be joined to one record.
      const writeFrom = (at: number): void => {
        if (at === chunk.length) done();
        else socket.write(chunk.subarray(at, at + 1), (error) => (error ? done(error) : writeFrom(at + 1)));
      };
      writeFrom(0);
    },
    final: (done) => void socket.end(done),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    if (!outer.push(chunk)) socket.pause();
  });
  socket.once("end", () => outer.push(null));
  socket.once("error", (error) => outer.destroy(error));
  socket.once("close", () => outer.destroy());
  return outer;
}
