import type { FileStat, Host, HostUser } from "@mk/core";
import type { LibvirtUri } from "./libvirt.js";
import { element, type XmlElement } from "./xml.js";

/** As whom a QEMU of the system's libvirt runs. */
export type QemuOwner = Pick<HostUser, "uid" | "gid">;

/** Where libvirt puts what it gives each QEMU: its master key, the socket of its monitor. */
const LIBVIRT_DIRECTORY = "/var/lib/libvirt/qemu";

/** The owner of the machine's directory, in a group that {@link qemuGroup} chooses. */
export async function qemuOwner({ files, user }: Host): Promise<QemuOwner> {
  return { uid: user.uid, gid: qemuGroup(user, await files.stat(LIBVIRT_DIRECTORY)) };
}

/**
 * The user's own group, unless libvirt's directory is open to its own group alone, as Debian's package makes it: then that one, or QEMU
 * could not read its master key.
 */
export function qemuGroup(user: QemuOwner, directory: Pick<FileStat, "mode" | "gid"> | undefined): number {
  const isForGroupAlone = directory !== undefined && (directory.mode & 0o011) === 0o010;
  return isForGroupAlone ? directory.gid : user.gid;
}

/**
 * Makes QEMU run as the owner of the machine's directory, so that no file of theirs need be opened to libvirt's own user. Files keep their
 * owner and group: libvirt is told to relabel none. Undefined for a session: its QEMU is the user's own process anyway, and its libvirt has
 * no DAC driver to ask.
 */
export function ownerLabel(uri: LibvirtUri, { uid, gid }: QemuOwner): XmlElement | undefined {
  if (uri === "qemu:///session") return undefined;
  return element("seclabel", { type: "static", model: "dac", relabel: "no" }, element("label", {}, `+${uid}:+${gid}`));
}
