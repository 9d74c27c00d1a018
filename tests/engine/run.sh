#!/usr/bin/env bash
# The embedded engine as a program: start, reload, drain, traffic, logs, control socket.  run.sh [CASE...]
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
if [ ! -x "$(dirname "$XRAT")/libexec/xrat-engine" ]; then
	fail "there is no '$(dirname "$XRAT")/libexec/xrat-engine'"
	finish engine
fi
PYTHONDONTWRITEBYTECODE=1 VARIANT=$VARIANT XRAT=$XRAT python3 tests/engine/cases.py "$scratch" "$@"
