import type { GuestArch } from "@mk/core";

/** What the guest is made of; what these depend on comes with them. */
export const PACKAGES: readonly string[] = [
  "busybox-static", // init, shell and the small tools
  "dropbear-bin", // SSH server
  "openssh-sftp-server", // for scp and sftp
  "sudo",
  "docker.io",
  "docker-cli",
  "containerd",
  "runc",
  "tini", // docker run --init
  "iptables",
  "nftables",
  "ipset",
  "conntrack",
  "ethtool",
  "socat", // kubectl port-forward
  "containernetworking-plugins",
  "e2fsprogs",
  "kmod",
  "ca-certificates",
  "netbase",
];

/** What one architecture needs beyond that. */
export const ARCH_PACKAGES: Readonly<Record<GuestArch, readonly string[]>> = {
  amd64: [],
  arm64: ["gpiod"], // the power button
};

/** The kernel: only the package it points to is taken, not what that one depends on. */
export const KERNEL: Readonly<Record<GuestArch, string>> = {
  amd64: "linux-image-cloud-amd64",
  arm64: "linux-image-cloud-arm64",
};

/** Never taken: what these do (maintainer scripts, accounts, init systems, documentation) is done by the recipe or not at all. */
export const EXCLUDED: ReadonlySet<string> = new Set([
  "adduser",
  "debconf",
  "debconf-2.0",
  "gcc-14-base",
  "init-system-helpers",
  "initramfs-tools",
  "install-info",
  "libpam-runtime",
  "linux-base",
  "logsave",
  "openssh-client",
  "openssl",
  "sysvinit-utils",
]);

/** Paths of packages that the guest has no use for. */
export const UNWANTED: readonly RegExp[] = [
  /^\/usr\/share\/(doc|man|info|locale|lintian|bash-completion|zsh|fish|bug|doc-base|menu|initramfs-tools|polkit-1|metainfo|apport|pixmaps|gdb|perl5?|docker\.io|pam-configs|openssh|nftables)(\/|$)/,
  /^\/usr\/(games|include|src)(\/|$)/,
  /^\/usr\/lib\/(systemd|tmpfiles\.d|sysusers\.d|udev|pcrlock\.d|kernel|ssl|gnupg|init)(\/|$)/,
  /^\/usr\/lib\/[^/]+-linux-gnu\/(security\/(?!pam_permit\.so)|gconv|perl|engines-3|ossl-modules|audit|e2fsprogs)/,
  /^\/usr\/share\/ca-certificates(\/|$)/,
  /^\/etc\/(init\.d|default|cron\.[a-z]+|logrotate\.d|apparmor\.d|pam\.d|ca-certificates|systemd|udev|dbus-1|network|bash_completion\.d|kernel|security|rmt|sudo_logsrvd\.conf)(\/|$)/,
  /^\/usr\/bin\/(gpio(detect|get|info|notify|set)|ctr|containerd-shim|containerd-shim-runc-v1|sudoreplay|cvtsudoers|dbclient|chattr|lsattr|socat-.*)$/,
  /^\/usr\/sbin\/(debugfs|sudo_logsrvd|sudo_sendlog|visudo|e2scrub.*|e4crypt|e4defrag|mklost\+found|filefrag|nfnl_osf|update-ca-certificates|iptables-apply|ip6tables-apply|xtables-legacy-multi)$/,
  /^\/usr\/lib\/cni\/(dhcp|host-device|ptp|sbr|static|vrf)$/,
  /^\/boot(\/|$)/,
];

/** Kernel modules by path below `kernel/`; those they need come with them. */
export const MODULES: readonly RegExp[] = [
  /^(crypto|lib)\//,
  /^arch\/[^/]+\/crypto\//,
  /^net\/(802|8021q|bridge|core|dns_resolver|ipv4|ipv6|key|llc|netfilter|packet|sched|sctp|tls|vmw_vsock|xfrm|unix|netlink)\//,
  /^fs\/(erofs|overlayfs|fuse|fat|nls|isofs|udf|squashfs|nfs|nfs_common|lockd|netfs|9p|cachefiles|autofs|configfs|quota)\//,
  /^fs\/[^/]+\.ko$/,
  /^drivers\/virtio\//,
  /^drivers\/acpi\/button\.ko$/,
  /^drivers\/block\/(virtio_blk|loop|nbd|zram\/zram)\.ko$/,
  /^drivers\/char\/(hw_random\/virtio-rng|virtio_console)\.ko$/,
  /^drivers\/(ata\/(ahci|libata|ata_piix)|scsi\/(virtio_scsi|sd_mod|sr_mod|sg)|cdrom\/cdrom|nvme\/host\/nvme)\.ko$/,
  /^drivers\/firmware\/qemu_fw_cfg\.ko$/,
  /^drivers\/input\/(evdev|serio\/.*|keyboard\/(atkbd|gpio_keys))\.ko$/,
  /^drivers\/md\/(dm-mod|dm-crypt|dm-thin-pool|dm-snapshot|dm-mirror|dm-log|dm-region-hash|dm-bufio|dm-persistent-data)\.ko$/,
  /^drivers\/net\/(virtio_net|veth|tun|tap|dummy|ifb|geneve|macvlan|macvtap|vrf|vcan|vsockmon|vxlan\/vxlan|ipvlan\/.*|wireguard\/.*|bonding\/.*|bareudp|nlmon|net_failover)\.ko$/,
  /^drivers\/(ptp|rtc)\//,
];

/** Loaded by the initramfs, in the order of what they need. */
export const EARLY_MODULES: readonly string[] = [
  "virtio_mmio",
  "virtio_blk",
  "virtio_net",
  "virtio_rng",
  "erofs",
  "overlay",
];
