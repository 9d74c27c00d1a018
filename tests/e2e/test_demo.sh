#!/usr/bin/env bash
# The demo, which is the first thing a reader runs: on the engine that comes with xrat, and on v2ray where there is one.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
# shellcheck disable=SC2317 # by expect
run_demo() { DEMO_ENGINE=$1 tools/demo.sh >"$scratch/demo.log" 2>&1; }
shows() { # ENGINE: it ends well, in time, and shows the page and each step
	local begin=$SECONDS
	expect "the demo on $1 ends well" run_demo "$1"
	[ $((SECONDS - begin)) -le 10 ] || printf 'the demo on %s took %d s\n' "$1" $((SECONDS - begin))
	for what in 'hello from behind the proxy' 'published generation 1' 'in the running engine after' 'error\[XR302\]' \
		'back to 2' '^done: everything above'; do
		expect "the demo on $1 shows '$what'" grep -q -- "$what" "$scratch/demo.log"
	done
	[ "$n_failed" = 0 ] || tail -n 20 "$scratch/demo.log"
}
shows builtin
expect 'the embedded engine took an edit without a restart' grep -q 'runs generation 2 without a restart' "$scratch/demo.log"
expect 'nothing in it names another engine' sh -c "! grep -qi 'v2ray -\|/v2ray' '$scratch/demo.log'"
if have v2ray; then shows v2ray; else skip 'the demo on v2ray: v2ray is not installed'; fi
finish demo
