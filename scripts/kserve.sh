#!/usr/bin/env bash
# Builds KServe's controller from its Go module into the user's cache, for tests.
#
#   scripts/kserve.sh          prints the program's path
#
# Needs Go 1.24.1 or newer. Six minutes of one core the first time, nothing afterwards.
set -euo pipefail
again=$(cd "$(dirname "$0")" && pwd)/again.sh
module=github.com/kserve/kserve
version=v0.15.2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tfx-estimators
program=$cache/kserve-controller-$version
if [ ! -x "$program" ]; then
  command -v go >/dev/null || { echo "$0: needs Go: https://go.dev/dl/" >&2; exit 1; }
  mkdir -p "$cache"
  work=$(mktemp -d)
  trap 'rm -rf --one-file-system "$work"' EXIT
  cd "$work"
  # `go install` would ask for the list of versions, which not every proxy has.
  printf 'module kserve\n\ngo 1.24.1\n\nrequire %s %s\n' "$module" "$version" >go.mod
  GOFLAGS=-mod=mod "$again" go build -trimpath -ldflags '-s -w' -o "$program.new" "$module/cmd/manager" >&2
  mv "$program.new" "$program"
fi
echo "$program"
