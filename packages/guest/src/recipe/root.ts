import type { GuestArch } from "@mk/core";
import { rootfsDirectory } from "../assets.js";
import { readAll } from "../tree/contents.js";
import { comparePaths, type Tree } from "../tree/tree.js";
import { addAccounts } from "./accounts.js";
import { APPLETS } from "./applets.js";
import { addLibraryCache } from "./libraries.js";
import { UNWANTED } from "./packages.js";
import { addRootfsFiles } from "./rootfs-files.js";

export interface RootOptions {
  readonly arch: GuestArch;
  /** `13.2` */
  readonly debianVersion: string;
}

/** What iptables' maintainer script links by update-alternatives. nft rules: what k3s, dockerd and this kernel agree on. */
const IPTABLES = ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"];

const EMPTY_DIRECTORIES = [
  "/boot",
  "/data",
  "/dev",
  "/etc/cni/net.d",
  "/etc/docker",
  "/etc/mk",
  "/etc/rancher",
  "/mnt",
  "/opt",
  "/proc",
  "/run",
  "/srv",
  "/sys",
  "/usr/lib/modules",
  "/usr/local/bin",
  "/usr/local/sbin",
  "/var/cache",
  "/var/lib/cni",
  "/var/lib/containerd",
  "/var/lib/docker",
  "/var/lib/kubelet",
  "/var/lib/rancher",
  "/var/log",
  "/var/spool",
];

async function addCertificates(tree: Tree): Promise<void> {
  const certificates = tree.under("/usr/share/ca-certificates/mozilla/").filter(({ path }) => path.endsWith(".crt"));
  const texts: string[] = [];
  for (const { node } of certificates.sort((a, b) => comparePaths(a.path, b.path))) {
    if (node.type === "file") texts.push((await readAll(node.contents)).toString("latin1").trim());
  }
  tree.file("/etc/ssl/certs/ca-certificates.crt", `${texts.join("\n")}\n`);
  tree.symlink("/etc/ssl/cert.pem", "certs/ca-certificates.crt");
}

/** Links busybox under the names of its applets, except where a package brought the real program. */
function addApplets(tree: Tree): void {
  for (const name of APPLETS) {
    if (!tree.has(`/usr/bin/${name}`) && !tree.has(`/usr/sbin/${name}`)) tree.symlink(`/usr/bin/${name}`, "busybox");
  }
  tree.symlink("/usr/sbin/init", "../bin/busybox");
}

function osRelease(debianVersion: string): string {
  return [
    'NAME="mk"',
    `PRETTY_NAME="mk (Debian ${debianVersion})"`,
    "ID=mk",
    "ID_LIKE=debian",
    `VERSION_ID="${debianVersion}"`,
    "",
  ].join("\n");
}

/** Turns unpacked packages into the guest's root: what maintainer scripts would have done, mk's own files, and nothing it has no use for. */
export async function finishRoot(tree: Tree, options: RootOptions): Promise<void> {
  await addCertificates(tree);
  tree.prune((path, node) => node.type !== "directory" && UNWANTED.some((pattern) => pattern.test(path)));
  tree.prune((path, node) => node.type === "directory" && UNWANTED.some((pattern) => pattern.test(path)));
  for (const path of EMPTY_DIRECTORIES) if (!tree.has(path)) tree.directory(path);
  for (const path of ["/tmp", "/var/tmp"]) tree.directory(path, { mode: 0o1777 });
  tree.symlink("/var/run", "../run");
  tree.symlink("/var/lock", "../run/lock");
  for (const name of IPTABLES) tree.symlink(`/usr/sbin/${name}`, "xtables-nft-multi");
  if (!tree.has("/usr/bin/docker-init")) tree.symlink("/usr/bin/docker-init", "tini-static");
  addApplets(tree);
  addAccounts(tree);
  tree.file("/etc/os-release", osRelease(options.debianVersion));
  tree.file("/etc/debian_version", `${options.debianVersion}\n`);
  tree.file("/etc/hostname", "mk\n");
  tree.file("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
  tree.file("/etc/resolv.conf", "");
  tree.symlink("/etc/mtab", "../proc/self/mounts");
  await addRootfsFiles(tree, rootfsDirectory);
  tree.linkMerged();
  await addLibraryCache(tree, options.arch);
}
