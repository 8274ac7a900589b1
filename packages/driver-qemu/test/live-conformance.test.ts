import { conformance } from "@mk/conformance";
import type { GuestArch } from "@mk/core";
import { live, temporaryDirectory, tinyImage } from "@mk/testing";
import { afterAll } from "vitest";
import qemu from "../src/index.js";
import { liveHost } from "./live-host.js";

const PROGRAMS = { amd64: "qemu-system-x86_64", arm64: "qemu-system-aarch64" } as const satisfies Record<
  GuestArch,
  string
>;

// QEMU itself with a guest that starts in milliseconds: the whole contract, without an image.
const directory = await temporaryDirectory("mk-qemu-guest-");
afterAll(() => directory[Symbol.asyncDispose]());

// The other architecture takes the same paths through the driver: once in a soak is enough.
const architectures = process.env.MK_SOAK === undefined ? (["amd64"] as const) : (["amd64", "arm64"] as const);

for (const arch of architectures) {
  const suite = await live({ needs: ["linux", "qemu", `program:${PROGRAMS[arch]}`] });
  const image = await tinyImage(directory.path, arch);
  suite(`with a tiny ${arch} guest`, () => {
    conformance(qemu, {
      host: liveHost,
      mode: "live",
      image,
      spec: { arch, cpus: 1, memoryMiB: 64 },
    });
  });
}
