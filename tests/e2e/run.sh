#!/usr/bin/env bash
# Runs every tests/e2e/test_*.sh; each ends with its own count, this one adds them up.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
for t in tests/e2e/test_*.sh; do
	[ -e "$t" ] || continue
	"$t" >"$scratch/log" 2>&1
	code=$?
	line=$(tail -n 1 "$scratch/log")
	if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
		[ "$code" = 0 ] || [ "$f" != 0 ] || f=1
	else
		p=0 f=1 s=0
	fi
	n_passed=$((n_passed + p)) n_failed=$((n_failed + f)) n_skipped=$((n_skipped + s))
	printf '%s: %s passed, %s failed, %s skipped\n' "$t" "$p" "$f" "$s"
	grep '^skipped:' "$scratch/log"
	[ "$f" = 0 ] || head -n 60 "$scratch/log"
done
finish e2e
