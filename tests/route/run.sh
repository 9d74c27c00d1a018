#!/usr/bin/env bash
# The router's index against a plain matcher on a million random rules and flows, and against v2ray over real connections.
# XRAT_ROUTE_PAIRS sets another number, XRAT_ROUTE_SEED another seed.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
make -s VARIANT="$VARIANT" "$build/tests/route_differ" "$build/tests/route_ask" || fail "the test programs do not build"
pairs=${XRAT_ROUTE_PAIRS:-1000000} seed=${XRAT_ROUTE_SEED:-20261121}

run_test() { # what, command...
	local what=$1
	shift
	if timeout 600 "$@" >"$scratch/out" 2>&1; then
		pass
		sed 's/^/  /' "$scratch/out"
	else
		fail "$what"
		tail -n 40 "$scratch/out"
	fi
}

run_test "the index and the plain matcher disagree" "$build/tests/route_differ" "$pairs" "$seed"
if ! have v2ray; then
	skip "router against v2ray: v2ray is not installed"
elif ! have python3; then
	skip "router against v2ray: python3 is not installed"
else
	run_test "the router and v2ray disagree" python3 tests/route/v2ray.py "$build/tests/route_ask" 2000 "$seed"
fi
finish router
