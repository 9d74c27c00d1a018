#!/usr/bin/env bash
# schemas/xray.schema.json and the structure check agree: a large configuration with every value spoilt in turn, and the
# complete files of the golden cases.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
if ! python3 -c 'import jsonschema' 2>/dev/null; then
	skip "schema: python3-jsonschema is not installed"
	finish schema
fi
mapfile -t goldens < <(find tests/golden -path '*/structure/*' -name '*.json' ! -name 'expect.*' ! -path '*/xr412-*' \
	! -path '*/xr413-*' ! -path '*/xr421-*' ! -path '*/xr410-*' | sort)
mapfile -t renders < <(grep -rL --include=expect.json '"reverse"' tests/golden/render | sort)
if XRAT=$XRAT python3 tests/schema/run.py schemas/xray.schema.json tests/schema/base.json "${goldens[@]}" \
	"${renders[@]}" >"$scratch/out" 2>&1; then
	pass
else
	fail "$(head -n 20 "$scratch/out")"
fi
tail -n 1 "$scratch/out"
finish schema
