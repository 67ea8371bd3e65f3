#!/bin/sh
# Installs the real programs that tests run against, on a Debian machine: one
# line a program and its package. Says nothing when all are there already.
set -eu

fail() { echo "test/setup.sh: $*" >&2; exit 1; }

missing=
need() { command -v "$1" >/dev/null || missing="$missing $2"; }
need git git
need rsync rsync
need promtool prometheus
need chromium chromium
need npm npm
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || fail "no apt-get here; install these by hand:$missing"
[ "$(id -u)" = 0 ] || fail "run as root, or: sudo apt-get install --no-install-recommends$missing"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1 || {
  tail -20 "$log" >&2
  fail "apt-get could not install:$missing"
}
