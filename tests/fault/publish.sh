#!/usr/bin/env bash
# The publisher's promise under faults; what each part does stands at the head of tests/fault/PART.py.
#   tests/fault/publish.sh killpoints|failcalls|powercut|readers|applyedge|oomapply
# Scratch is in memory where that is possible: a million fsyncs cost nothing there, and prove the same.
[ -n "${TMPDIR-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
part=$1
args=("$scratch/work")
mkdir "$scratch/work"
preload() { # NAME: builds tests/fault/NAME.c as a library to be preloaded
	${CC:-gcc} -O1 -g -Wall -Wextra -shared -fPIC -D_GNU_SOURCE -fno-builtin -o "$scratch/$1.so" "$top/tests/fault/$1.c" -ldl && return
	fail "tests/fault/$1.c does not build"
	finish "$part"
}
case $part in
readers)
	make -s -C "$top" VARIANT="$VARIANT" "build/$VARIANT/tests/live_reader" >"$scratch/make.log" 2>&1 || cat "$scratch/make.log"
	args+=("$build/tests/live_reader")
	;;
applyedge) preload clock && args+=("$scratch/clock.so") ;;
oomapply) preload oom && args+=("$scratch/oom.so") ;;
esac
XRAT=$XRAT PYTHONDONTWRITEBYTECODE=1 python3 "$top/tests/fault/$part.py" "${args[@]}" >"$scratch/out" 2>&1 </dev/null
line=$(tail -n 1 "$scratch/out")
if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
	n_passed=${BASH_REMATCH[1]} n_failed=${BASH_REMATCH[2]} n_skipped=${BASH_REMATCH[3]}
	sed '$d' "$scratch/out"
else
	cat "$scratch/out"
	fail "$part did not end as it should"
fi
finish "$part"
