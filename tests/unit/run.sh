#!/usr/bin/env bash
# Runs every unit test program of the variant; counts single tests.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
make -s -k -j "${JOBS:-2}" VARIANT="$VARIANT" tests >"$scratch/make.log" 2>&1 || { cat "$scratch/make.log"; fail "unit tests do not build"; }
for src in tests/unit/test_*.c; do
	[ -e "$src" ] || continue
	name=${src##*/}
	name=${name%.c}
	XRAT_TEST_DATA=$test_data timeout 300 "$build/tests/$name" >"$scratch/log" 2>&1
	code=$?
	ok=$(grep -cE '^\[       OK \]' "$scratch/log")
	while read -r skipped; do
		skip "$name: $skipped cannot run here (as root, or without something it names in its source)"
	done < <(sed -nE 's/^\[  SKIPPED \] ([A-Za-z_][A-Za-z0-9_]*)$/\1/p' "$scratch/log" | sort -u)
	bad=$(grep -cE '^\[  (FAILED|ERROR) *\] [A-Za-z_]' "$scratch/log")
	[ "$code" = 0 ] || [ "$bad" != 0 ] || bad=1
	n_passed=$((n_passed + ok))
	if [ "$bad" != 0 ]; then
		fail "$name (exit code $code)"
		n_failed=$((n_failed + bad - 1))
		grep -vE '^\[ (RUN|      OK)' "$scratch/log" | head -n 40
	fi
done
finish unit
