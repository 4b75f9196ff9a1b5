#!/usr/bin/env bash
# Fetches libraries that are written on tf.estimator into the user's cache, for tests with the
# default stack. The stack itself stays as it is.
#
#   scripts/libraries.sh [PYTHON]      prints the folder, to be put on PYTHONPATH
#
# 20 MB the first time, nothing afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-.stacks/default/bin/python}
pins=requirements/libraries.txt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tfx-estimators
libraries=$cache/libraries-$(sha256sum "$pins" | cut -c 1-16)
if [ ! -d "$libraries" ]; then
  mkdir -p "$cache"
  # Under its own name only once it is whole.
  fresh=$(mktemp -d "$cache/libraries.XXXXXX")
  trap 'rm -rf --one-file-system "$fresh"' EXIT
  scripts/again.sh "$python" -m pip install --quiet --no-deps --require-hashes --target "$fresh/site" \
    --requirement "$pins" >&2
  mv "$fresh/site" "$libraries"
fi
echo "$libraries"
