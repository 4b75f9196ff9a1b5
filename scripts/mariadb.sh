#!/usr/bin/env bash
# Prints the path of MariaDB's server, for tests against a MySQL store of ML Metadata; as root
# it installs Debian's where there is none.
set -euo pipefail
PATH=$PATH:/usr/sbin
if ! command -v mariadbd >/dev/null; then
  "$(dirname "$0")/apt_install.sh" --no-install-recommends mariadb-server
fi
command -v mariadbd
