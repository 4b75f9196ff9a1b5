#!/usr/bin/env bash
# Builds Kubeflow's training operator from its Go module into the user's cache, for tests.
#
#   scripts/training_operator.sh          prints the program's path
#
# Needs Go 1.23 or newer. Two minutes on two cores the first time, nothing afterwards.
set -euo pipefail
again=$(cd "$(dirname "$0")" && pwd)/again.sh
version=v1.9.3
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tfx-estimators
program=$cache/training-operator-$version
if [ ! -x "$program" ]; then
  command -v go >/dev/null || { echo "$0: needs Go: https://go.dev/dl/" >&2; exit 1; }
  mkdir -p "$cache"
  work=$(mktemp -d)
  trap 'rm -rf --one-file-system "$work"' EXIT
  GOBIN=$work "$again" go install -trimpath -ldflags '-s -w' \
    "github.com/kubeflow/training-operator/cmd/training-operator.v1@$version" >&2
  mv "$work/training-operator.v1" "$program.new"
  mv "$program.new" "$program"
fi
echo "$program"
