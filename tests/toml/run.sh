#!/usr/bin/env bash
# The toml-test suite: valid files load with the right content, invalid ones are refused with a place.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
suite=$test_data/toml-test
if [ ! -d "$suite" ]; then
	skip "toml: no suite at '$suite', set XRAT_TEST_DATA"
	finish toml
fi
cd "$suite" || exit 2
make -s -C "$top" VARIANT="$VARIANT" "build/$VARIANT/tests/toml_suite" >"$scratch/make.log" 2>&1 || cat "$scratch/make.log"
for kind in valid invalid; do
	find "$kind" -name '*.toml' | sort | xargs timeout 120 "$build/tests/toml_suite" "$kind" >"$scratch/$kind" 2>&1
	want=$(find "$kind" -name '*.toml' | wc -l) got=$(grep -cE '^(ok|FAIL) ' "$scratch/$kind")
	[ "$want" = "$got" ] || { fail "$kind: $got of $want files were looked at"; tail -n 5 "$scratch/$kind"; }
	while read -r verdict file why; do
		if [ "$verdict" = ok ]; then pass; else fail "$file $why"; fi
	done <"$scratch/$kind"
done
finish toml
