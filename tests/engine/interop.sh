#!/usr/bin/env bash
# The embedded engine beside other people's programs, every byte of it checked.  interop.sh [CASE...]
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/interop/engines.bash
. "$top/tests/interop/engines.bash"
cd "$top" || exit 2
part=engineinterop
[ "$VARIANT" = asan ] && part=asaninterop
# The pump is no part of what is tested: the release build of it is the fast one.
pump=$top/build/release/tests/pump
[ -x "$pump" ] || pump=$build/tests/pump
for program in "$(dirname "$XRAT")/libexec/xrat-engine" "$pump"; do
	if [ ! -x "$program" ]; then
		fail "there is no '$program'"
		finish "$part"
	fi
done
cp "$pump" "$scratch/pump" # whoever builds meanwhile takes nothing away
export PYTHONDONTWRITEBYTECODE=1 VARIANT XRAT
TEST_PUMP=$scratch/pump TEST_V2RAY=${v2ray[*]-} TEST_XRAY=${xray[*]-} TEST_PART=$part python3 tests/engine/interop.py "$scratch" "$@"
