#!/usr/bin/env bash
# Installs, on Debian and its kin, what building mk, running every driver and running all tests takes.
# `system-packages.sh run` installs only what the README's first command needs.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

machine=(qemu-system-x86 qemu-utils openssh-client ca-certificates)
tests=(
  qemu-system-arm libvirt-daemon-system libvirt-clients dnsmasq-base docker.io golang-go
  erofs-utils cpio kmod strace xz-utils e2fsprogs iptables iproute2 openssl openssh-server dropbear-bin busybox dash util-linux binutils fish zsh mandoc sudo
)
wanted=("${machine[@]}")
[ "${1:-all}" = run ] || wanted+=("${tests[@]}")
# The client alone is enough for the first command, wherever it came from.
[ "${1:-all}" != run ] || command -v docker >/dev/null || wanted+=(docker.io)

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
# Services are started by hand where there is no systemd; a failing start in a maintainer script must not end the installation.
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
