#!/usr/bin/env bash
# One full compile under valgrind: no bad access, no use of unset memory, nothing leaked.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
if ! have valgrind; then
	skip "valgrind is not installed"
	finish valgrind
fi
under() {
	local want=$1
	shift
	valgrind -q --suppressions=tests/fault/valgrind.supp --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible --track-fds=no \
		--log-file="$scratch/vg" "$XRAT" "$@" >"$scratch/out" 2>"$scratch/err"
	local code=$?
	# Older ones grumble about openat2 ("--pid-- unhandled syscall"), for which the program has another way.
	grep -v '^--[0-9]*--' "$scratch/vg" >"$scratch/findings"
	if [ "$code" = "$want" ] && [ ! -s "$scratch/findings" ]; then pass; else fail "xrat $* under valgrind ended with $code: $(head -n 30 "$scratch/findings" "$scratch/err")"; fi
}
under 0 --root tests/fault/root check
under 0 --root tests/fault/root render xray --desired --map "$scratch/map.json"
under 1 --root tests/fault/broken check
under 1 --root tests/fault/broken --format json check
finish valgrind
