#!/bin/sh
# Checks manifests and writes, as Markdown, what they would change on a host:
# usage: plan.sh FOLDER OUTPUT [HOST]. HOST is reached by ssh and has a daemon;
# without one the plan is for this machine. Fails if they cannot be used.
set -eu
folder=$1 output=$2 host=${3:-}

hcs-reconcile validate "$folder"

code=0
if [ -n "$host" ]; then
  there=$(ssh "$host" mktemp -d)
  trap 'ssh "$host" rm -rf "$there"' EXIT
  rsync --recursive --links "$folder/" "$host:$there/"
  plan=$(ssh "$host" hcs-reconcile plan --manifests "$there") || code=$?
else
  plan=$(hcs-reconcile plan --manifests "$folder") || code=$?
fi
case $code in
0) title='Nothing changes' ;;
2) title='These containers change' ;;
*) title='This cannot be used as it is' ;;
esac
{
  printf '### %s%s\n\n```\n%s\n```\n' "$title" "${host:+ on $host}" "$plan"
} >"$output"
[ "$code" = 0 ] || [ "$code" = 2 ] || exit "$code"
