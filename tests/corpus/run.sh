#!/usr/bin/env bash
# No false alarms: the examples of Xray's documentation through `check --raw`, fragments completed by wrap.py. An error is
# right where Xray refuses the file for the same reason: a row "file code,code reason" of refused.txt with the place in
# Xray's source; where there is a real core, it has to refuse those files too. Any other error needs a row in
# docs/corpus-exceptions.md (at most 5), "| `file` | code | why |".
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
corpus=$test_data/corpus/xray-docs
exceptions=docs/corpus-exceptions.md
refused=$top/tests/corpus/refused.txt
if [ ! -d "$corpus" ]; then
	skip "corpus: no examples at '$corpus', set XRAT_TEST_DATA"
	finish corpus
fi
have_core=0
if python3 -c 'import xray' 2>/dev/null && [ -x tests/interop/xray-run ]; then have_core=1; else skip "a real Xray core beside ours"; fi
# refused_for NAME OUT: every error of the output is one that refused.txt gives for that file.
refused_for() {
	local row codes code
	row=$(grep -E "^$1 " "$refused") || return 1
	codes=$(cut -d' ' -f2 <<<"$row")
	while read -r code; do
		case ",$codes," in *",$code,"*) ;; *) return 1 ;; esac
	done < <(grep -oE ': error\[XR[0-9]+\]' "$2" | grep -oE 'XR[0-9]+')
}
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
	elif refused_for "$name" "$scratch/out"; then
		if [ $have_core = 1 ]; then
			tests/interop/xray-run run -test -c "$scratch/$name" >/dev/null 2>&1
			expect "$name is taken by Xray, but refused.txt has it" [ $? = 23 ]
		else
			pass
		fi
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
