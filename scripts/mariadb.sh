#!/usr/bin/env bash
# Prints the path of MariaDB's server, for tests against a MySQL store of ML Metadata; as root
# it installs Debian's where there is none.
set -euo pipefail
PATH=$PATH:/usr/sbin
if ! command -v mariadbd >/dev/null; then
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    mariadb-server >&2
fi
command -v mariadbd
