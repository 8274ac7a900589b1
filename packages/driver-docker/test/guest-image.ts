import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { ReadableStream, WritableStream } from "node:stream/web";
import type { GuestImage, ImageSource } from "@mk/core";
import { guestImages } from "@mk/guest";
import { testHome } from "@mk/testing";
import { createTarDecoder, packTar } from "modern-tar";

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
  const file = (name: string, body: string | Buffer) => ({
    header: { name, mode: 0o755, size: Buffer.byteLength(body) },
    body,
  });
  const directory = (name: string) => ({ header: { name: `${name}/`, type: "directory", size: 0 } as const });
  const symlink = (name: string, linkname: string) => ({
    header: { name, type: "symlink", linkname, size: 0 } as const,
  });
  const archive = await packTar([
    ...["data", "dev", "etc", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "usr/bin"].map(directory),
    symlink("bin", "usr/bin"),
    file("usr/bin/busybox", await busyboxOf(real.oci)),
    ...["sh", "sleep", "true", "cat", "grep"].map((applet) => symlink(`usr/bin/${applet}`, "busybox")),
    file("sbin/init", INIT),
  ]);
  await writeFile(path, archive);
  return { ...real, digest: `sha256:${"71".repeat(32)}`, oci: path };
}

async function busyboxOf(oci: string): Promise<Buffer> {
  for await (const { header, body } of ReadableStream.from(createReadStream(oci)).pipeThrough(createTarDecoder())) {
    if (header.name === "usr/bin/busybox") return await buffer(body);
    await body.pipeTo(new WritableStream());
  }
  throw new Error(`${oci} has no busybox`);
}
