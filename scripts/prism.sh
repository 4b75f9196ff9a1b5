#!/usr/bin/env bash
# Builds Beam's Prism runner, the portable engine of the engine tests, and prints where it is.
# Usage: scripts/prism.sh BEAM_VERSION. Needs Go; the sources come from the Go module proxy.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?"usage: scripts/prism.sh BEAM_VERSION"}
folder=$PWD/.stacks/engines
binary=$folder/prism-$version
if [ ! -x "$binary" ]; then
  command -v go >/dev/null || { echo "Go is not installed: https://go.dev/doc/install" >&2; exit 1; }
  # A module of its own: Beam's go.mod has excludes, which "go install" refuses.
  mkdir -p "$folder"
  build=$(mktemp -d "$folder/build.XXXXXX")
  trap 'rm -rf "$build"' EXIT
  (
    cd "$build"
    go mod init prism
    go get "github.com/apache/beam/sdks/v2/go/cmd/prism@v$version"
    go build -o prism github.com/apache/beam/sdks/v2/go/cmd/prism
  ) >&2
  mv "$build/prism" "$binary"
fi
echo "$binary"
