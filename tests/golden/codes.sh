#!/usr/bin/env bash
# Every diagnostic code has a golden case whose expectation shows it; one pass or fail a code.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
sed -nE 's/^[[:space:]]*X\((XR[0-9]+),.*/\1/p' lib/codes/*.def | sort >"$scratch/codes"
find tests/golden \( -name expect.diag -o -name expect.json -o -name expect.out \) \
	-exec grep -ohE '(error|warning|note)\[XR[0-9]+\]|"code": *"XR[0-9]+"' {} + | grep -oE 'XR[0-9]+' | sort -u >"$scratch/seen"
uniq -d "$scratch/codes" >"$scratch/twice"
while read -r code; do fail "code $code stands twice in lib/codes"; done <"$scratch/twice"
while read -r code; do
	expect "code $code has no golden case" grep -qx "$code" "$scratch/seen"
done < <(sort -u "$scratch/codes")
while read -r code; do fail "a golden case shows $code, which lib/codes does not have"; done \
	< <(comm -13 "$scratch/codes" "$scratch/seen")
finish codes
