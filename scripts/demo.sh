#!/usr/bin/env bash
# Shows hcs-reconcile on examples/quickstart with plain processes, in a scratch
# folder that is removed at the end. Usage: scripts/demo.sh [PROGRAM]. Needs nothing else.
set -euo pipefail
program=$(realpath "${1:-bin/hcs-reconcile}")
quickstart=$(realpath "$(dirname "$0")/../examples/quickstart")
scratch=$(mktemp -d)
daemon=
export HCS_RECONCILE_STATE_DIR=$scratch/state HCS_RECONCILE_OWNER=demo-$$
trap '[ -z "$daemon" ] || kill "$daemon" 2>/dev/null && wait "$daemon" || true; rm -rf "$scratch"' EXIT

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold='\033[1m%s\033[0m'; else bold=%s; fi
say() { printf "\n$bold\n" "$*"; }
until_shown() { # NAME PATTERN: waits, at most 15 s, until the status of NAME matches
	for _ in $(seq 150); do
		"$program" status "$1" 2>/dev/null | grep -Eq "^$1 +$2" && return
		sleep 0.1
	done
	echo "demo: $1 did not become $2; the log of the daemon:" >&2
	cat "$scratch/log" >&2
	exit 1
}
fetch() { # HOST:PORT PATH
	exec 3<>"/dev/tcp/${1%:*}/${1##*:}"
	printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$2" "$1" >&3
	cat <&3
}

cp -R "$quickstart" "$scratch/manifests"
say "\$ hcs-reconcile plan"
"$program" plan --driver local --manifests "$scratch/manifests" || [ $? = 2 ] # 2: there are changes

say "\$ hcs-reconcile run   (in the background)"
"$program" run --driver local --manifests "$scratch/manifests" --stop-on-exit --web.listen-address 127.0.0.1:0 2>"$scratch/log" &
daemon=$!

say "The web server waits for the database and for a job:"
until_shown migrate '(Running|Completed)'
"$program" status

say "The job has completed, and the web server could start:"
until_shown web 'Running'
"$program" status

say "flaky works for 3 s, then crashes, and waits before it is started again:"
until_shown flaky 'CrashLoopBackOff'
"$program" status flaky
until_shown flaky 'Running +yes +[1-9]'
"$program" status flaky

address=$("$program" status -o json | sed -n 's/.*"web": "\(.*\)".*/\1/p')
say "Prometheus sees it on http://$address/metrics:"
fetch "$address" /metrics | grep -E '^hcs_reconcile_container_(ready|restarts_total|last_exit_code)\{'

say "The daemon ends, and with --stop-on-exit its containers too, web before db:"
kill "$daemon" && wait "$daemon"
grep -E 'action=shutdown|daemon ended' "$scratch/log" | cut -c 1-110
