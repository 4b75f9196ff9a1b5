#!/usr/bin/env bash
# Runs a command inside a Debian 13, where the current stack's wheels install.
#
#   scripts/debian13.sh make test-stacks STACK=current
#
# Needs root, debootstrap and Debian's packages. The checkout is seen inside at the
# same path, and so is /tmp; mounts live in a namespace of their own and go with the command.
set -euo pipefail

[ $# -gt 0 ] || { sed -n '2,8p' "$0" | cut -c3-; exit 2; }
[ "$(id -u)" = 0 ] || { echo "$0: needs root (debootstrap and chroot)" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "$0: install debootstrap first" >&2; exit 1; }

checkout=$(cd "$(dirname "$0")/.." && pwd)
system=${DEBIAN13:-/var/tmp/tfx-estimators-debian13}
ready=$system/.ready-2

if [ ! -e "$ready" ]; then
  # Two at a time would undo each other's work; the second one finds it done.
  exec 9>"$system.lock"
  flock 9
fi
if [ ! -e "$ready" ]; then
  # What debootstrap has begun and left, it does not take up again.
  "$checkout/scripts/again.sh" sh -c 'rm -rf "$1" && debootstrap --variant=minbase trixie "$1"' \
    sh "$system" >"$system.log" 2>&1 ||
    { tail -n 20 "$system.log" >&2; exit 1; }
  for file in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt; do
    if [ -e "$file" ]; then
      mkdir -p "$system$(dirname "$file")"
      cp -L "$file" "$system$file"
    fi
  done
  "$checkout/scripts/again.sh" chroot "$system" sh -c '
    apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      ca-certificates g++ git make python3-dev python3-venv' >>"$system.log" 2>&1 ||
    { tail -n 20 "$system.log" >&2; exit 1; }
  # A machine may trust more authorities than Debian does.
  [ -e /etc/ssl/certs/ca-certificates.crt ] &&
    cp -L /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/ca-certificates.crt"
  touch "$ready"
fi
exec 9>&-

export DEBIAN13_SYSTEM=$system DEBIAN13_CHECKOUT=$checkout
exec unshare --mount --propagation private bash -euc '
  # Processes on both sides agree by a file there on the ports that they use.
  mount --bind /tmp "$DEBIAN13_SYSTEM/tmp"
  mkdir -p "$DEBIAN13_SYSTEM$DEBIAN13_CHECKOUT"
  mount --bind "$DEBIAN13_CHECKOUT" "$DEBIAN13_SYSTEM$DEBIAN13_CHECKOUT"
  mount -t proc proc "$DEBIAN13_SYSTEM/proc"
  mount --rbind /dev "$DEBIAN13_SYSTEM/dev"
  exec env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$DEBIAN13_SYSTEM" sh -c "cd \"\$DEBIAN13_CHECKOUT\" && exec \"\$@\"" sh "$@"
' bash "$@"
