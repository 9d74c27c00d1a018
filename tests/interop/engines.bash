# shellcheck shell=bash
# Sourced after tests/lib.sh: the engines of this machine, as arrays v2ray=(…) and xray=(…), empty when there is none.
v2ray=() xray=() xray_version=''
if have v2ray; then v2ray=(v2ray); fi
if [ -n "${XRAT_TEST_XRAY-}" ]; then
	xray=("$XRAT_TEST_XRAY")
elif have xray; then
	xray=(xray)
else
	for py in "$top/build/xray/bin/python3" python3; do
		"$py" -c 'import xray; xray.startFromJSON' 2>/dev/null && { xray=("$py" "$top/tests/interop/xray-run"); break; }
	done
fi
if [ ${#xray[@]} -gt 0 ]; then
	xray_version=$(timeout 20 "${xray[@]}" version 2>/dev/null | sed -nE '1s/^Xray ([0-9]+)\.([0-9]+).*/\1.\2/p')
	[ -n "$xray_version" ] || xray=()
fi
no_v2ray='v2ray is not installed'
no_xray='no Xray here (PATH, XRAT_TEST_XRAY, or tools/deps xray)'

# version_le A B: A is not newer than B (two numbers with a dot).
version_le() { [ "$1" = "$2" ] || [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# The newest xray target of xrat that the Xray of this machine is not older than.
xray_target() {
	local best='' t
	for t in 26.2 26.7; do version_le "$t" "$xray_version" && best=$t; done
	echo "${best:+xray-$best}"
}

v2ray_accepts() { timeout 30 "${v2ray[@]}" -test -config "$1" >"$scratch/engine.log" 2>&1; }
xray_accepts() { timeout 40 "${xray[@]}" run -test -c "$1" >"$scratch/engine.log" 2>&1; }
engine_says() { grep -vE '^(Xray|V2Ray|A unified|$)' "$scratch/engine.log" | tail -n 3 | cut -c 1-300; }
