import { type GuestImage, type Host, hostArch } from "@mk/core";

/** Small files where a guest image has its parts: enough for tools that only pass the paths on. */
export async function standInImage(host: Host): Promise<GuestImage> {
  const directory = `${host.homeDirectory}/.mk/cache/images/stand-in`;
  await host.files.makeDirectory(directory);
  const parts = { kernel: "vmlinuz", initramfs: "initramfs.img", root: "root.erofs", oci: "root.tar" } as const;
  for (const name of Object.values(parts)) await host.files.write(`${directory}/${name}`, `stand-in ${name}\n`);
  return {
    digest: `sha256:${"5e".repeat(32)}`,
    arch: hostArch(host),
    debianVersion: "13.2",
    kernel: `${directory}/${parts.kernel}`,
    initramfs: `${directory}/${parts.initramfs}`,
    root: `${directory}/${parts.root}`,
    oci: `${directory}/${parts.oci}`,
    cmdline: "console=ttyS0 quiet",
  };
}
