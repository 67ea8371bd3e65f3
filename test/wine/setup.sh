#!/bin/sh
# Installs what the Wine tests need on a Debian machine: 64-bit Wine, and the
# cross compiler for the stand-in. Says nothing when all is there already.
set -eu

fail() { echo "test/wine/setup.sh: $*" >&2; exit 1; }

missing=
[ -x /usr/lib/wine/wine64 ] || command -v wine64 >/dev/null || missing="$missing wine64 wine"
command -v x86_64-w64-mingw32-gcc >/dev/null || missing="$missing gcc-mingw-w64-x86-64"
command -v make >/dev/null || missing="$missing make"
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || fail "no apt-get here; install these by hand:$missing"
[ "$(dpkg --print-architecture)" = amd64 ] || fail "the stand-in runs on amd64 only"
[ "$(id -u)" = 0 ] || fail "run as root, or: sudo apt-get install --no-install-recommends$missing"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1 || {
  tail -20 "$log" >&2
  fail "apt-get could not install:$missing"
}
