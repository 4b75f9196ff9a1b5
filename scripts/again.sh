#!/usr/bin/env bash
# Runs a command that asks a network, up to three times: networks have hiccups.
#
#   scripts/again.sh COMMAND [ARGUMENT...]
for pause in 10 30; do
  "$@" && exit
  echo "$0: $1 failed with exit code $?; trying again in $pause s" >&2
  sleep "$pause"
done
exec "$@"
