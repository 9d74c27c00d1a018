#!/usr/bin/env bash
# Memory of the embedded engine: see oom.py.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
if ! ${CC:-gcc} -O1 -g -Wall -Wextra -shared -fPIC -D_GNU_SOURCE -fno-builtin -o "$scratch/oom.so" tests/fault/oom.c -ldl; then
	fail "tests/fault/oom.c does not build"
	finish oomengine
fi
PYTHONDONTWRITEBYTECODE=1 VARIANT=$VARIANT XRAT=$XRAT python3 tests/engine/oom.py "$scratch/oom.so" "$scratch"
