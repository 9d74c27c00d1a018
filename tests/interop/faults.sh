#!/usr/bin/env bash
# Faults planted in complete files, xrat's verdict beside v2ray's: the golden cases whose command is `check --raw FILE`
# and whose expectation has an error. xrat has to report every one; what v2ray says is printed, not judged.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/interop/engines.bash
. "$top/tests/interop/engines.bash"
cd "$top" || exit 2
rows=0 seen_by_v2ray=0
printf '%-44s %-22s %s\n' case xrat v2ray
for dir in tests/golden/*/a9-*/; do
	if [ ! -e "$dir/cmd" ] || [ -e "$dir/setup" ]; then continue; fi
	file=$(sed -nE 's/.*check .*--raw +([^ ]+).*/\1/p; s/.*--raw +([^ ]+).* check.*/\1/p' "$dir/cmd" | head -n 1)
	if [ -z "$file" ] || [ ! -e "$dir/$file" ]; then continue; fi
	read -r -a args <"$dir/cmd"
	(cd "$dir" && clean_xrat "${args[@]}") >"$scratch/out" 2>&1
	code=$?
	ours=$(grep -ohE '(error|warning)\[XR[0-9]+\]' "$scratch/out" | sort -u | tr '\n' ' ')
	theirs='(not here)'
	if [ ${#v2ray[@]} -gt 0 ]; then
		(cd "$dir" && v2ray_accepts "$file")
		case $? in 0) theirs=OK ;; 124 | 2 | 13?) theirs=crash ;; *) theirs=error seen_by_v2ray=$((seen_by_v2ray + 1)) ;; esac
	fi
	printf '%-44s %-22s %s\n' "${dir#tests/golden/}" "${ours:-nothing}" "$theirs"
	rows=$((rows + 1))
	if [ -n "$ours" ] && [ "$code" -lt 2 ]; then pass; else fail "$dir: xrat reports nothing (exit code $code)"; fi
done
echo "of $rows planted faults xrat reports $n_passed, v2ray $seen_by_v2ray"
expect "only $rows faults are planted, 25 are wanted" [ "$rows" -ge 25 ]
finish faults
