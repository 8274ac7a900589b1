#!/usr/bin/env bash
# From a fresh Debian machine with Node to a running machine: installs, builds mk and the guest image, starts, asks the engine inside.
#   scripts/quickstart.sh [flags of mk start]
# A machine of another name than "mk" is named by MK_PROFILE.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n\033[1m%s\033[0m\n' "$1" >&2; }

step "Installing QEMU and what else is missing"
bash scripts/system-packages.sh run
if ! command -v pnpm >/dev/null; then
  as_root=()
  [ "$(id -u)" = 0 ] || [ -w "$(npm root --global)" ] || as_root=(sudo)
  "${as_root[@]}" npm install --global pnpm@10.34.9 >/dev/null
fi

step "Building mk"
pnpm install --frozen-lockfile --reporter=append-only >/dev/null
pnpm build --output-logs=errors-only

step "Starting a machine"
# The driver is named so that the first run is the same on every host; without it mk chooses the best that works.
pnpm -s mk start --driver=qemu "$@"

step "Asking its Docker Engine"
# Not in one line: eval would take a failure's empty output, and docker then ask the host's own engine.
variables="$(pnpm -s mk env)"
eval "$variables"
docker version
