#!/usr/bin/env bash
# The same input gives the same bytes: every golden render again under another time zone, language, home, working directory
# and time of day, with XP2P_* and a crowd of other variables set, from a copy of the root elsewhere.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top/tests/golden" || exit 2
mkdir -p "$scratch/elsewhere/deep/er" "$scratch/other home"
for file in */*/expect.json; do
	dir=${file%/expect.json}
	if [ ! -e "$dir/cmd" ] || ! grep -q '^  "outbounds"' "$file" 2>/dev/null; then continue; fi
	if [ -e "$dir/setup" ] || [ -e "$dir/env" ] || [ -e "$dir/expect.exit" ]; then continue; fi
	grep -q -- '--root root' "$dir/cmd" || continue
	eval "args=($(head -n 1 "$dir/cmd"))"
	copy=$scratch/elsewhere/${dir//\//-}
	cp -a "$dir/root" "$copy"
	touch -d '2001-01-01' "$copy" "$copy"/*
	for i in "${!args[@]}"; do [ "${args[i]}" = root ] && [ "${args[i - 1]}" = --root ] && args[i]=$copy; done
	(cd "$scratch/elsewhere/deep/er" && env -i TZ=Asia/Kathmandu LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 HOME="$scratch/other home" \
		PATH=/nowhere XP2P_CONFIG_ROOT=/nowhere XP2P_CLIENT_SOCKS_PORT=1 XP2P_LOG_LEVEL=debug XP2P_CLIENT_USER=mallory XRAT_ROOT=/nowhere \
		XRAY_LOCATION_CONFDIR=/nowhere SOURCE_DATE_EPOCH=1 COLUMNS=20 TERM=xterm-256color \
		"$XRAT" "${args[@]}") >"$scratch/out" 2>"$scratch/err"
	if cmp -s "$scratch/out" "$file"; then pass; else
		fail "$dir renders other bytes elsewhere: $(head -n 2 "$scratch/err") $(diff "$file" "$scratch/out" | head -n 5)"
	fi
done
[ $((n_passed + n_failed)) -gt 0 ] || fail 'there is no golden render to hold against'
finish hermetic
