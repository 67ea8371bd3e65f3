#!/bin/sh
# Brings a clone to the newest commit of its branch, if the manifests there are
# valid: usage: pull.sh CLONE BRANCH [FOLDER IN IT]. The daemon follows
# CLONE/FOLDER and sees the change within a moment.
set -eu
clone=$1 branch=$2 folder=${3:-manifests}
cd "$clone"

git fetch --quiet origin "$branch"
new=$(git rev-parse FETCH_HEAD)
[ "$new" != "$(git rev-parse HEAD)" ] || exit 0

# Look before the daemon does. A host that runs an older program may refuse what
# CI took; then all stays as it is, and the timer's unit fails visibly.
check=$(mktemp -d)
trap 'git worktree remove --force "$check" 2>/dev/null || true; rm -rf "$check"' EXIT
git worktree add --quiet --detach "$check/tree" "$new"
trap 'git worktree remove --force "$check/tree" 2>/dev/null || true; rm -rf "$check"' EXIT
hcs-reconcile validate "$check/tree/$folder"

git reset --quiet --hard "$new"
echo "at $new"
