#!/usr/bin/env bash
# The embedded engine under load, out of everything, and at its end.  load.sh [CASE...]; XRAT_TEST_FULL=1 for the long form.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
for program in "$(dirname "$XRAT")/libexec/xrat-engine" "$build/tests/engine_peer" "$build/tests/engine_load" "$build/tests/engine_hold"; do
	[ -x "$program" ] || fail "there is no '$program'"
done
[ "$n_failed" = 0 ] || finish engineload
PYTHONDONTWRITEBYTECODE=1 VARIANT=$VARIANT XRAT=$XRAT python3 tests/engine/loadcases.py "$scratch" "$@"
