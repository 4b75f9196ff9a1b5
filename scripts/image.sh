#!/usr/bin/env bash
# Builds a step's image with podman, by `tfx-estimators image`: tfx-estimators:STACK.
#
#   scripts/image.sh                    current, over a Debian 13 made here by debootstrap
#   BASE=python:3.10-slim-bookworm scripts/image.sh default
#
# Needs a stack (make setup), root, podman and runc; without BASE debootstrap and Debian's packages as well.
# Images are kept where podman keeps them (CONTAINERS_STORAGE_CONF says where); while it is
# built an image needs twice its size, 6 GB.
set -euo pipefail
cd "$(dirname "$0")/.."
stack=${1:-current}
for program in podman runc; do
  command -v "$program" >/dev/null || { echo "$0: apt-get install $program" >&2; exit 1; }
done
podman() { command podman --runtime "$(command -v runc)" "$@"; }

if [ -z "${BASE:-}" ]; then
  [ "$stack" = current ] ||
    { echo "$0: Debian 13 has not the Python of $stack: set BASE" >&2; exit 1; }
  BASE=localhost/tfx-estimators-debian:13
  if ! podman image exists "$BASE"; then
    command -v debootstrap >/dev/null || { echo "$0: apt-get install debootstrap" >&2; exit 1; }
    work=$(mktemp -d)
    trap 'rm -rf --one-file-system "$work"' EXIT
    debootstrap --variant=minbase --include=ca-certificates trixie "$work/debian" \
      >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
    rm -rf "$work"/debian/var/{cache/apt/archives,lib/apt/lists}/*
    tar -C "$work/debian" -c . | podman import -q - "$BASE"
  fi
fi

options=()
# A machine may trust more authorities than the base does.
trusted=/etc/ssl/certs/ca-certificates.crt
if [ -e "$trusted" ]; then
  options+=(--volume "$(readlink -f "$trusted"):/trusted.crt:ro"
    --build-arg SSL_CERT_FILE=/trusted.crt --build-arg PIP_CERT=/trusted.crt)
fi
context=$(mktemp -d)
trap 'rm -rf --one-file-system "$context" ${work:+"$work"}' EXIT
.stacks/active/bin/tfx-estimators image "$context" --stack "$stack" >/dev/null
# No daemon and no sandbox of its own: the machine may be a container itself.
podman build --isolation chroot --network host --layers "${options[@]}" \
  --build-arg BASE="$BASE" --build-arg STACK="$stack" -t "tfx-estimators:$stack" "$context"
podman image inspect --format '{{.Size}} bytes, user {{.User}}' "tfx-estimators:$stack"
