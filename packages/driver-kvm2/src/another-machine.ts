import { MkError } from "@mk/core";
import type { LibvirtUri } from "./libvirt.js";

/** The error for a name that another machine of mk's has: one of another home, or one left behind by files that are lost. */
export function anotherMachine(name: string, uri: LibvirtUri, cause: unknown): MkError {
  const virsh = (command: string) => `'virsh -c ${uri} ${command}'`;
  const domain = [virsh(`destroy ${name}`), virsh(`undefine --managed-save ${name}`)];
  const network = uri === "qemu:///session" ? [] : [virsh(`net-destroy ${name}`), virsh(`net-undefine ${name}`)];
  return new MkError("MACHINE_EXISTS", `libvirt has another mk machine ${name}: one left behind, or of another home`, {
    hint: `Choose another machine name, or remove that machine with ${[...domain, ...network].join(", ")}.`,
    cause,
  });
}
