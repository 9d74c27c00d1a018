#!/usr/bin/env bash
# Every file of a fuzz target's corpus through the target once; one pass a file.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
make -s -k -j "${JOBS:-2}" VARIANT="$VARIANT" tests >"$scratch/make.log" 2>&1 || { cat "$scratch/make.log"; fail "fuzz targets do not build"; }
for src in tests/fuzz/fuzz_*.c; do
	[ -e "$src" ] || continue
	topic=${src##*/fuzz_}
	topic=${topic%.c}
	mapfile -t seeds < <(find "tests/fuzz/corpus/$topic" -type f 2>/dev/null | sort)
	[ ${#seeds[@]} -gt 0 ] || fail "fuzz target '$topic' has no seeds in tests/fuzz/corpus/$topic"
	if timeout 300 "$build/tests/fuzz_$topic" ${seeds[@]+"${seeds[@]}"} >"$scratch/log" 2>&1; then
		n_passed=$((n_passed + ${#seeds[@]}))
	else
		fail "fuzz target '$topic' ended with $?"
		tail -n 30 "$scratch/log"
	fi
done
finish replay
