import { MkError } from "../errors.js";

/** Bytes of `sun_path` less its final NUL: unix(7) on Linux, <sys/un.h> on macOS and the BSDs. */
export function unixPathLimit(platform: NodeJS.Platform): number {
  return platform === "linux" ? 107 : 103;
}

/**
 * Throws PATH_TOO_LONG for a path that does not fit in a unix socket address. Call it before every bind and connect: Node cuts such a
 * path off without a word, so that two machines would share one socket.
 */
export function assertUnixPath(path: string, platform: NodeJS.Platform): void {
  // A named pipe is no unix socket.
  if (platform === "win32") return;
  const bytes = Buffer.byteLength(path);
  const limit = unixPathLimit(platform);
  if (bytes <= limit && !path.includes("\0")) return;
  throw new MkError("PATH_TOO_LONG", `the socket path ${path} has ${bytes} bytes, ${limit} is the most`, {
    hint: "Use a shorter directory for sockets.",
    details: { path, bytes, limit },
  });
}
