#!/usr/bin/env bash
# Every part of the checks, one line each; the last line is "N passed, N failed, N skipped".
#   tests/run.sh all|fast|PART...
# A part is a command whose output ends with "NAME: N passed, N failed, N skipped"; a part that ends without it has failed.
# Parts marked with ~ wait more than they work: they run one after another beside the others, behind `build`, and their lines come last.
set -u
cd "$(dirname "$0")/.." || exit 2
unset MAKEFLAGS MFLAGS MAKELEVEL VARIANT
logs=build/check
mkdir -p "$logs"
jobs=$(nproc 2>/dev/null || echo 2)
[ "$jobs" -le 4 ] || jobs=4

# name | command
parts='
layers    | tools/check-layers
headers   | tools/check-headers
sizes     | tools/check-sizes
symbols   | tools/check-symbols
unit      | tests/unit/run.sh
golden    | tests/golden/run.sh
codes     | tests/golden/codes.sh
drift     | tools/drift.sh build/release/gen build/xrat
toml      | tests/toml/run.sh
schema    | tests/schema/run.sh
corpus    | tests/corpus/run.sh
replay    | tests/fuzz/replay.sh
router    | tests/route/run.sh
e2e       | tests/e2e/run.sh
badinput  | tests/e2e/badinput.sh
runtime   | tests/runtime/run.sh
~fetch    | tests/fetch/run.py
~store    | tests/store/run.py
faults25  | tests/interop/faults.sh
~watcher  | tests/watch/run.sh
~editors  | tests/service/editors.py
~secrets  | tests/service/secrets.py
service   | tests/service/edge.py
fakeeng   | tests/service/engines.py
random    | tests/service/history.py
~daemon   | tests/daemon/run.py
~rotation | tests/daemon/rotation.py
~sessions | tests/daemon/sessions.py
~edges    | tests/daemon/edges.py
~locked   | tests/daemon/locked.py
~settings | tests/daemon/settings.py
~nodesecrets| tests/daemon/nodesecrets.py
~reasons  | tests/daemon/reasons.py
~nodes    | tests/nodes/run.py
engines   | tests/interop/engines.sh
engine    | tests/engine/run.sh
~engineload| tests/engine/load.sh
engineinterop | tests/engine/interop.sh
oom       | tests/fault/oom.sh
oomengine | tests/engine/oom.sh
killpoints| tests/fault/publish.sh killpoints
failcalls | tests/fault/publish.sh failcalls
powercut  | tests/fault/publish.sh powercut
readers   | tests/fault/publish.sh readers
applyedge | tests/fault/publish.sh applyedge
oomapply  | tests/fault/publish.sh oomapply
valgrind  | tests/fault/valgrind.sh
asanbuild | tests/build.sh asan
asanunit  | env VARIANT=asan tests/unit/run.sh
asangold  | env VARIANT=asan tests/golden/run.sh
asanengine| env VARIANT=asan tests/engine/run.sh
asaninterop| env VARIANT=asan tests/engine/interop.sh
asanreplay| env VARIANT=asan tests/fuzz/replay.sh
'
fast='build layers headers sizes symbols unit golden codes drift toml'
[ $# -gt 0 ] || set -- all
wanted=" $* "
[ "$1" = fast ] && wanted=" $fast "

if ! tools/deps --quiet build test; then
	echo '0 passed, 1 failed, 0 skipped'
	exit 1
fi

rm -f "$logs"/*.count
run_part() { # name, command
	local log=$logs/$1.log begin=$EPOCHREALTIME code line p f s took
	# shellcheck disable=SC2086 # the command is words
	JOBS=$jobs $2 >"$log" 2>&1 </dev/null
	code=$?
	took=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
	line=$(tail -n 1 "$log")
	if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
		[ "$code" = 0 ] || [ "$f" != 0 ] || f=1
	else
		p=0 f=1 s=0
	fi
	printf '%-10s %5d passed %3d failed %3d skipped  %6ss\n' "$1" "$p" "$f" "$s" "$took"
	grep '^skipped:' "$log" | head -n 40
	[ "$f" = 0 ] || { grep -v '^skipped:' "$log" | head -n "${LOG_LINES:-60}" | sed 's/^/    /'; echo "    (all of it: $log)"; }
	echo "$p $f $s" >"$logs/$1.count"
}

run_lane() { # "" or "~": the wanted parts that are marked so; "?": counts those that were not run to their end
	local name command mark
	while IFS='|' read -r name command; do
		name=${name// /}
		mark=${name//[!~]/} name=${name#\~}
		[ -n "$name" ] || continue
		[[ $wanted == *' all '* || $wanted == *" $name "* ]] || continue
		if [ "$1" = '?' ] && [ ! -e "$logs/$name.count" ]; then
			echo "$name did not come to its end"
			echo '0 1 0' >"$logs/$name.count"
		fi
		[ "$mark" != "$1" ] || run_part "$name" "$command"
	done <<<"$parts"
}

if [[ $wanted == *' all '* || $wanted == *' build '* ]]; then
	run_part build 'tests/build.sh release'
fi
run_lane '~' >"$logs/beside" &
run_lane ''
wait
cat "$logs/beside"
run_lane '?'
cat "$logs"/*.count 2>/dev/null |
	awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p + s == 0 }'
