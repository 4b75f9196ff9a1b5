#!/usr/bin/env bash
# Builds kube-apiserver from its Go module into the user's cache, for tests against the real one.
#
#   scripts/kube_apiserver.sh          prints the program's path
#
# Needs Go 1.24 or newer; as root it also installs Debian's etcd-server. Six minutes on two
# cores the first time, nothing afterwards.
set -euo pipefail
cd "$(dirname "$0")"
scripts=$PWD
version=v1.34.4
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tfx-estimators
program=$cache/kube-apiserver-$version
if [ ! -x "$program" ]; then
  command -v go >/dev/null || { echo "$0: needs Go: https://go.dev/dl/" >&2; exit 1; }
  mkdir -p "$cache"
  work=$(mktemp -d)
  trap 'rm -rf --one-file-system "$work"' EXIT
  cd "$work"
  go mod init apiserver 2>/dev/null
  mod=$("$scripts/again.sh" go mod download -json "k8s.io/kubernetes@$version" |
    sed -n 's/.*"GoMod": "\(.*\)",*/\1/p')
  # The module itself replaces these by folders that it does not hold.
  for part in $(sed -n 's/^\s*\(k8s\.io\/[a-z-]*\) v0\.0\.0$/\1/p' "$mod" | sort -u); do
    go mod edit -replace "$part=$part@v0${version#v1}"
  done
  go mod edit -require "k8s.io/kubernetes@$version"
  printf 'package main\n\nimport _ "k8s.io/kubernetes/cmd/kube-apiserver/app"\n\nfunc main() {}\n' >main.go
  "$scripts/again.sh" go mod tidy -e >tidy.log 2>&1 || { tail -n 20 tidy.log >&2; exit 1; }
  "$scripts/again.sh" go build -trimpath -ldflags '-s -w' -o "$program.new" k8s.io/kubernetes/cmd/kube-apiserver >&2
  mv "$program.new" "$program"
fi
if ! command -v etcd >/dev/null; then
  "$scripts/apt_install.sh" etcd-server
fi
echo "$program"
