import type { HostUser } from "@mk/core";
import type { LibvirtUri } from "./libvirt.js";
import { element, type XmlElement } from "./xml.js";

/**
 * Makes QEMU run as the owner of the machine's directory, so that no file of theirs need be opened to libvirt's own user. Undefined for a
 * session: its QEMU is the user's own process anyway, and its libvirt has no DAC driver to ask.
 */
export function ownerLabel(uri: LibvirtUri, { uid, gid }: Pick<HostUser, "uid" | "gid">): XmlElement | undefined {
  if (uri === "qemu:///session") return undefined;
  return element("seclabel", { type: "static", model: "dac", relabel: "no" }, element("label", {}, `+${uid}:+${gid}`));
}
