import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { GuestImage, ImageSource } from "@mk/core";
import { guestImages } from "@mk/guest";
import { testHome } from "@mk/testing";
import { extract, pack } from "tar-stream";

/** The cache of guest images that tests share; an image is built there when there is none. */
export function testImages(): ImageSource {
  return guestImages({ home: testHome() });
}

/** The image machines of this computer's architecture get. */
export function testImage(): Promise<GuestImage> {
  const signal = new AbortController().signal;
  const arch = process.arch === "arm64" ? "arm64" : "amd64";
  return testImages().ensure(arch, {
    signal,
    step: async (_id, _title, work) => work(() => undefined),
    undo: () => undefined,
    log: () => undefined,
  });
}

/** Says that it is ready, and ends when it is told to: the contract's guest, in as many milliseconds as a container takes. */
const INIT = `#!/bin/sh
trap 'echo "mk-guest: shutdown uptime=2"; exit 0' USR2
echo "mk-guest: init uptime=0"
echo "mk-guest: ready uptime=1"
while :; do sleep 3600 & wait; done
`;

/** A guest of busybox alone, taken out of the real image; `path` is the tar to write. */
export async function tinyImage(real: GuestImage, path: string): Promise<GuestImage> {
  const tar = pack();
  for (const name of ["data", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "usr/bin"]) {
    tar.entry({ name: `${name}/`, type: "directory", mode: 0o755 });
  }
  tar.entry({ name: "bin", type: "symlink", linkname: "usr/bin" });
  tar.entry({ name: "usr/bin/busybox", mode: 0o755 }, await busyboxOf(real.oci));
  for (const applet of ["sh", "sleep", "true", "cat", "grep"]) {
    tar.entry({ name: `usr/bin/${applet}`, type: "symlink", linkname: "busybox" });
  }
  tar.entry({ name: "sbin/init", mode: 0o755 }, INIT);
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk as Uint8Array);
  await writeFile(path, Buffer.concat(chunks));
  return { ...real, digest: `sha256:${"71".repeat(32)}`, oci: path };
}

async function busyboxOf(oci: string): Promise<Buffer> {
  const source = createReadStream(oci);
  const entries = source.pipe(extract());
  try {
    for await (const entry of entries) {
      const isWanted = /^(?:\.\/)?usr\/bin\/busybox$/.test(entry.header.name);
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) if (isWanted) chunks.push(chunk as Uint8Array);
      if (isWanted) return Buffer.concat(chunks);
    }
  } finally {
    source.destroy();
  }
  throw new Error(`${oci} has no busybox`);
}
