import { fileURLToPath } from "node:url";
import type { GuestImage } from "@mk/core";

const part = (name: string) => fileURLToPath(new URL(`./fixtures/image/${name}`, import.meta.url));

/** Files where a guest image has its parts: the stand-in only looks whether they are there. */
export const standInImage: GuestImage = {
  digest: `sha256:${"5e".repeat(32)}`,
  arch: "amd64",
  debianVersion: "13.2",
  kernel: part("vmlinuz"),
  initramfs: part("initramfs.img"),
  root: part("root.erofs"),
  oci: part("root.tar"),
  cmdline: "console=ttyS0 quiet",
};
