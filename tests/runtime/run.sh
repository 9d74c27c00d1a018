#!/usr/bin/env bash
# The supervisor with a fake engine: every way an engine can go wrong (cases.py, driven through tests/programs/sup_drive.c).
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
# The engine is what is measured and killed here, not what is tested: always a release build.
if ! make -s -j "${JOBS:-2}" VARIANT="$VARIANT" "build/$VARIANT/tests/sup_drive" >"$scratch/make.log" 2>&1 ||
	! make -s -j "${JOBS:-2}" VARIANT=release build/release/tests/fake_engine >>"$scratch/make.log" 2>&1; then
	cat "$scratch/make.log"
	fail "sup_drive and fake_engine do not build"
	finish runtime
fi
PYTHONDONTWRITEBYTECODE=1 python3 tests/runtime/cases.py "$build/tests/sup_drive" build/release/tests/fake_engine "$scratch" "$@"
