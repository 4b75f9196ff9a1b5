#!/usr/bin/env bash
# Installs Debian's packages, as root; waits for whoever else is installing some.
#
#   scripts/apt_install.sh [OPTION...] PACKAGE...
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
"$(dirname "$0")/again.sh" sh -c 'apt-get update -qq &&
  apt-get install -y -qq -o DPkg::Lock::Timeout=600 "$@"' sh "$@" >&2
