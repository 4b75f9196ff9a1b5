#!/usr/bin/env bash
# Pins every stack anew: requirements/<stack>.in + setup.py -> requirements/<stack>.txt
set -euo pipefail
cd "$(dirname "$0")/.."
UV=${UV:-uv}
common=(--quiet --extra dev --extra kubeflow --no-header --no-emit-index-url --upgrade)
for stack in legacy default; do
  "$UV" pip compile setup.py "requirements/$stack.in" "${common[@]}" \
    --python-version 3.10 --python-platform x86_64-manylinux_2_36 \
    --output-file "requirements/$stack.txt"
done
"$UV" pip compile setup.py requirements/current.in "${common[@]}" \
  --universal --python-version 3.10 --output-file requirements/current.txt
"$UV" pip compile requirements/docs.in --quiet --no-header --no-emit-index-url --upgrade \
  --generate-hashes --universal --python-version 3.10 --output-file requirements/docs.txt
