import type { Host } from "@mk/core";

/** How a user who may not use libvirt's socket gets to, in one sentence: the group's name and whether there is one differ by distribution. */
export async function permissionHint(host: Host): Promise<string> {
  const groups = parseGroups((await host.files.readText("/etc/group")) ?? "");
  const group = groups.find(({ name }) => name === "libvirt") ?? groups.find(({ name }) => name === "libvirtd");
  if (!group)
    return "Set unix_sock_group in /etc/libvirt/libvirtd.conf to a group of yours and restart libvirtd, or use --kvm2-uri qemu:///session.";
  if (group.members.includes(host.user.name) && !host.user.groups.includes(group.gid))
    return `Log in again: you joined the group ${group.name} after this session began.`;
  return `Run 'sudo usermod -aG ${group.name} $USER' and log in again.`;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** group(5): name, password, id, members with commas between them. */
function parseGroups(text: string): readonly Group[] {
  return text.split("\n").flatMap((line) => {
    const [name, , gid, members] = line.split(":");
    if (!name || gid === undefined || members === undefined) return [];
    return [{ name, gid: Number(gid), members: members.split(",") }];
  });
}
