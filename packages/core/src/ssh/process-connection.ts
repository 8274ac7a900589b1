import { Duplex } from "node:stream";
import type { RemoteProcess } from "./carrier.js";

/** A connection that a program carries on its standard input and output, such as netcat. `Duplex.from` calls its own `destroy()` an error. */
export function processConnection(program: RemoteProcess): Duplex {
  const { stdin, stdout, stderr } = program;
  stderr.resume();
  const connection = new Duplex({
    read: () => void stdout.resume(),
    write: (chunk, encoding, done) => void stdin.write(chunk, encoding, done),
    final: (done) => void stdin.end(done),
    destroy: (error, done) => {
      program.kill();
      done(error);
    },
  });
  // Read at once: Node drops the output of a child that has ended and that nobody reads.
  stdout.on("data", (chunk: Buffer) => {
    if (!connection.push(chunk)) stdout.pause();
  });
  stdout.once("end", () => connection.push(null));
  stdin.on("error", (error) => connection.destroy(error));
  program.exitCode.catch((error: unknown) => connection.destroy(error instanceof Error ? error : undefined));
  return connection;
}
