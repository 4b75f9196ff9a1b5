#!/usr/bin/env bash
# Fetches one of Beam's job servers, with its engine, from Maven Central into the user's cache,
# for tests on a real distributed engine.
#
#   scripts/job_server.sh flink|spark          prints the folder of jars
#
# Needs Java 11 or newer and Maven; as root it installs Debian's where there are none. Two
# minutes and 150 to 250 MB the first time, nothing afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."
engine=${1:?"usage: scripts/job_server.sh flink|spark"}
parts=scripts/job_servers/$engine.xml
[ -f "$parts" ] || { echo "$0: no engine $engine: expected flink or spark" >&2; exit 2; }
version=$(sed -n 's/.*<version>\(.*\)<\/version>.*/\1/p' "$parts" | head -n 1)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tfx-estimators
jars=$cache/$engine-job-server-$version
if ! command -v java >/dev/null || { [ ! -d "$jars" ] && ! command -v mvn >/dev/null; }; then
  scripts/apt_install.sh maven
fi
if [ ! -d "$jars" ]; then
  mkdir -p "$cache"
  # Under its own name only once it is whole.
  fresh=$(mktemp -d "$cache/$engine.XXXXXX")
  trap 'rm -rf --one-file-system "$fresh"' EXIT
  scripts/again.sh mvn --quiet --batch-mode -f "$parts" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$fresh/jars" >&2
  mv "$fresh/jars" "$jars"
fi
echo "$jars"
