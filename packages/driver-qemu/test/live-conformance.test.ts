import { writeFile } from "node:fs/promises";
import { conformance } from "@mk/conformance";
import type { GuestImage } from "@mk/core";
import { live, temporaryDirectory } from "@mk/testing";
import { afterAll } from "vitest";
import qemu from "../src/index.js";
import { liveHost } from "./live-host.js";
import { tinyGuest } from "./tiny-guest.js";

const suite = await live({ needs: ["qemu", "linux"] });

// QEMU itself with a guest that starts in milliseconds: the whole contract, without an image.
const directory = await temporaryDirectory("mk-qemu-guest-");
afterAll(() => directory[Symbol.asyncDispose]());

const image: GuestImage = {
  digest: `sha256:${"0".repeat(64)}`,
  arch: "amd64",
  debianVersion: "13",
  kernel: directory.join("kernel"),
  initramfs: directory.join("initramfs"),
  root: directory.join("root"),
  oci: directory.join("oci"),
  cmdline: "console=ttyS0",
};
await writeFile(image.kernel, tinyGuest("\nmk-guest: ready uptime=0\n"));
await writeFile(image.initramfs, "no initramfs");
await writeFile(image.root, new Uint8Array(1024 * 1024));

suite("with a tiny guest", () => {
  conformance(qemu, {
    host: liveHost,
    mode: "live",
    image,
    spec: { arch: "amd64", cpus: 1, memoryMiB: 64 },
  });
});
