#!/usr/bin/env bash
# A libvirt of the test's own, run by `unshare --mount --net --pid --fork --mount-proc`: its state is below $1, its networks and processes
# are in namespaces of this shell, and end with it. Says `up` when libvirtd listens; each line on standard input restarts it.
# Not sh: as the first process it must reap what others leave, and libvirt waits for its QEMUs to be gone.
set -euo pipefail
cd "$1"
mkdir -p run lib/images log cache etc
cp -R /etc/libvirt/. etc/
rm -rf etc/qemu/networks etc/qemu/*.xml
# As with polkit's rule of most distributions, without polkit: who is in the group may do all.
printf '%s\n' 'auth_unix_rw = "none"' 'unix_sock_group = "libvirt"' 'unix_sock_rw_perms = "0770"' >>etc/libvirtd.conf
# As Debian's package makes it: libvirtd itself leaves it open to all.
install --directory --mode=0750 --owner=libvirt-qemu --group=libvirt-qemu lib/qemu
for pair in run:/run/libvirt lib:/var/lib/libvirt log:/var/log/libvirt cache:/var/cache/libvirt etc:/etc/libvirt; do
  mount --bind "${pair%%:*}" "${pair#*:}"
done
ip link set lo up
virtlogd --daemon --pid-file "$1/virtlogd.pid"

start() {
  libvirtd --daemon --pid-file "$1/libvirtd.pid"
  echo up
}

start "$1"
while read -r _; do
  pid=$(cat libvirtd.pid)
  kill -KILL "$pid"
  # Until the last of its threads has ended, its lock on the pid file holds: then this shell reaps it.
  while [ -e "/proc/$pid" ]; do :; done
  start "$1"
done
