import type { GuestArch, GuestImage, ImageSource } from "@mk/core";

/** A source of one image that no driver of these tests boots. */
export function fakeImages(digest = `sha256:${"0".repeat(64)}`, arch: GuestArch = "amd64"): ImageSource {
  const image: GuestImage = {
    digest,
    arch,
    debianVersion: "13.0",
    kernel: "/nowhere/kernel",
    initramfs: "/nowhere/initramfs",
    root: "/nowhere/root",
    oci: "/nowhere/oci",
    cmdline: "quiet",
  };
  return { find: async (wanted) => (wanted === digest ? image : undefined), ensure: async () => image };
}
