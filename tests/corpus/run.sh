#!/usr/bin/env bash
# No false alarms: the examples of Xray's documentation through `check --raw`, fragments completed by wrap.py. An example
# that gives an error passes only with a row in docs/corpus-exceptions.md (at most 5), "| `file` | code | why |".
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
corpus=$test_data/corpus/xray-docs
exceptions=docs/corpus-exceptions.md
if [ ! -d "$corpus" ]; then
	skip "corpus: no examples at '$corpus', set XRAT_TEST_DATA"
	finish corpus
fi
used=0
for file in "$corpus"/*.json; do
	name=${file##*/}
	if ! python3 tests/corpus/wrap.py "$file" "$scratch/$name" 2>"$scratch/err"; then
		fail "$name cannot be completed: $(tail -n 1 "$scratch/err")"
		continue
	fi
	(cd "$scratch" && clean_xrat check --raw "$name") >"$scratch/out" 2>&1
	code=$?
	errors=$(grep -cE ': error\[XR[0-9]+\]' "$scratch/out")
	if [ "$code" = 0 ] && [ "$errors" = 0 ]; then
		pass
	elif [ "$code" -gt 1 ]; then
		fail "$name: check --raw ended with $code: $(head -n 3 "$scratch/out")"
	elif grep -qF "\`$name\`" "$exceptions" 2>/dev/null; then
		used=$((used + 1))
		pass
	else
		fail "$name: $(grep -hE ': error\[XR' "$scratch/out" | head -n 3)"
	fi
done
if [ -e "$exceptions" ]; then
	rows=$(grep -cE '^\| `' "$exceptions")
	expect "$exceptions has $rows rows, 5 are allowed" [ "$rows" -le 5 ]
	expect "$exceptions has $rows rows, $used are needed" [ "$rows" = "$used" ]
fi
finish corpus
