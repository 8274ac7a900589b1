#!/usr/bin/env bash
# Starts the services that the live tests need, on machines without systemd (a CI job, a container, a small VM).
#
#   scripts/services.sh start [docker] [libvirt]    starts what does not answer yet; all of it when none is named
#   scripts/services.sh status                      says what answers; exit code 1 when something does not
#   scripts/services.sh stop                        stops what `start` started, nothing else
#
# Idempotent, safe to run twice at once, silent on standard output when there is nothing to do. Needs root to start anything.
set -euo pipefail

readonly run_dir=/run/mk-services
readonly deadline_seconds=60

say() { printf 'services: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

docker_answers() { timeout 5 docker -H unix:///var/run/docker.sock version >/dev/null 2>&1; }
libvirt_answers() { timeout 20 virsh -c qemu:///system version >/dev/null 2>&1; }
virtlogd_answers() { [[ -S /run/libvirt/virtlogd-sock ]] && timeout 5 virt-admin -c virtlogd:///system server-list >/dev/null 2>&1; }

# True when the pid in a file is a live process of that program: a pid file outlives its process, and pids are reused.
runs() { # <pid file> <program>
  # Not `read`: it fails on a file without a final newline, and these have none.
  [[ -s $1 && $(readlink "/proc/$(<"$1")/exe" 2>/dev/null) == */"$2" ]]
}

prepare_cgroups() {
  # systemd would have done this. Controllers are mounted as the kernel has them: all in the unified tree, or one v1 tree each.
  grep -qE '^[^ ]+ /sys/fs/cgroup[ /]' /proc/mounts && return
  local unified
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  unified=$(</sys/fs/cgroup/cgroup.controllers)
  [[ " $unified " == *" memory "* && " $unified " == *" cpu "* ]] && return
  umount /sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  local name _hierarchy _groups enabled
  while read -r name _hierarchy _groups enabled; do
    [[ $name == \#* || $enabled != 1 ]] && continue
    mkdir -p "/sys/fs/cgroup/$name"
    mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" || rmdir "/sys/fs/cgroup/$name"
  done </proc/cgroups
}

prepare_kvm() {
  # udev would have done this. Where libvirt's QEMU may not open the device libvirt throws away what it has just found out about QEMU, at
  # each call, since its probe may open everything: 5 s each time, measured.
  [[ -c /dev/kvm ]] && getent group kvm >/dev/null || return 0
  chgrp kvm /dev/kvm && chmod 660 /dev/kvm
}

# Reads a growing log until a line holds the text: dockerd says there when it listens. Ends early when the process does.
await_line() { # <log> <pid> <text>
  local line reader found=1 end=$((SECONDS + deadline_seconds))
  exec {log_fd}< <(exec tail -n +1 -F --pid="$2" "$1" 2>/dev/null)
  reader=$!
  while ((SECONDS < end)) && IFS= read -r -t "$((end - SECONDS))" -u "$log_fd" line; do
    if [[ $line == *"$3"* ]]; then
      found=0
      break
    fi
  done
  exec {log_fd}<&-
  kill "$reader" 2>/dev/null || true
  return "$found"
}

start_docker() {
  docker_answers && return
  has dockerd || fail "dockerd is not installed: apt-get install docker.io"
  prepare_cgroups
  local log=$run_dir/dockerd.log pid_file=/var/run/docker.pid pid
  # A file left by a killed daemon stops the next one when its pid has been reused.
  runs "$pid_file" dockerd || rm -f "$pid_file"
  : >"$log"
  setsid dockerd >>"$log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$run_dir/dockerd.pid"
  await_line "$log" "$pid" "API listen on" && docker_answers && say "dockerd answers (log: $log)" && return
  tail -n 20 "$log" >&2
  fail "dockerd did not answer within $deadline_seconds s; see $log"
}

# These two fork when told to, and the parent ends once the service listens: no waiting of ours.
start_daemon() { # <program> <pid file>
  has "$1" || fail "$1 is not installed: apt-get install libvirt-daemon-system"
  timeout "$deadline_seconds" "$1" --daemon --pid-file "$2" || fail "$1 did not start; see /var/log/libvirt"
  cp "$2" "$run_dir/$1.pid"
  say "$1 listens"
}

# A second libvirtd removes the sockets of the first before it fails, so one that lives is waited for and never joined by another.
lives() { # <program>
  local exe
  for exe in /proc/[0-9]*/exe; do
    [[ $(readlink "$exe" 2>/dev/null) == */"$1" ]] && return
  done
  return 1
}

start_libvirt() {
  mkdir -p /run/libvirt /var/log/libvirt
  prepare_cgroups
  prepare_kvm
  # virtlogd keeps the serial logs, and must be there before a domain starts.
  local program
  for program in virtlogd libvirtd; do
    lives "$program" || start_daemon "$program" "/run/$program.pid"
  done
  # The first connection waits until libvirt has asked every QEMU for its abilities, which takes many seconds on a busy machine.
  timeout "$deadline_seconds" virsh -c qemu:///system version >/dev/null 2>&1 && return
  fail "libvirtd runs but does not answer: end it and run this again; its log is in /var/log/libvirt"
}

stop_all() {
  local program pid_file pid
  for program in libvirtd virtlogd dockerd; do
    pid_file=$run_dir/$program.pid
    if runs "$pid_file" "$program"; then
      pid=$(<"$pid_file")
      kill "$pid"
      timeout "$deadline_seconds" tail --pid="$pid" -f /dev/null || fail "$program (pid $pid) does not end"
      say "$program ended"
    fi
    rm -f "$pid_file"
  done
}

status() {
  local service code=0
  for service in docker virtlogd libvirt; do
    if "${service}_answers"; then say "$service answers"; else say "$service does not answer"; code=1; fi
  done
  return "$code"
}

main() {
  local verb=${1:-start}
  shift || true
  [[ $verb == status ]] && { status; return; }
  [[ $verb == start || $verb == stop ]] || fail "usage: services.sh [start [docker] [libvirt] | stop | status]"
  (($# > 0)) || set -- docker libvirt
  # Without root it can still say that everything is there already.
  if ((EUID != 0)); then
    if [[ $verb == start ]] && status; then return; fi
    fail "needs root to $verb services: run it with sudo"
  fi
  mkdir -p "$run_dir"
  # Two at once: the second waits, then finds the services there. The daemons must not inherit the lock, hence the subshell.
  exec {lock_fd}>"$run_dir/lock"
  flock -w $((deadline_seconds * 2)) "$lock_fd" || fail "another services.sh does not end"
  if [[ $verb == stop ]]; then stop_all; return; fi
  local service
  for service in "$@"; do
    case $service in
      docker) (exec {lock_fd}>&-; start_docker) ;;
      libvirt) (exec {lock_fd}>&-; start_libvirt) ;;
      *) fail "unknown service: $service" ;;
    esac
  done
}

main "$@"
