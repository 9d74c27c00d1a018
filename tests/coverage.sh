#!/usr/bin/env bash
# make coverage: unit, golden and replay runs of the cov variant, then gcovr; fails under 85% of lines, or when a line
# that emits a diagnostic was never reached.
set -u
cd "$(dirname "$0")/.." || exit 2
unset MAKEFLAGS MFLAGS MAKELEVEL
export VARIANT=cov
make -s -k -j "${JOBS:-2}" VARIANT=cov all tests || exit 1
find build/cov -name '*.gcda' -delete
for part in tests/unit/run.sh tests/golden/run.sh tests/fuzz/replay.sh tests/e2e/run.sh; do "$part" | tail -n 1; done
filters=()
while read -r f; do [ -d "$f" ] && filters+=(--filter "$f/"); done < <(sed -n 's/^\([a-z]*\):.*/\1/p' tools/layers)
gcovr --root . --object-directory build/cov/obj "${filters[@]}" --gcov-ignore-parse-errors --txt build/cov/coverage.txt \
	--json build/cov/coverage.json --fail-under-line 85
code=$?
tail -n 4 build/cov/coverage.txt
python3 - <<'PY' || code=1
import json, sys
missed = []
for f in json.load(open("build/cov/coverage.json"))["files"]:
    text = open(f["file"], encoding="utf-8").read().split("\n")
    for line in f["lines"]:
        source = text[line["line_number"] - 1]
        if "DIAG_XR" in source and "(" in source and not line["count"] and not line.get("gcovr/noncode"):
            missed.append(f'{f["file"]}:{line["line_number"]}: {source.strip()}')
print(f"lines that emit a diagnostic and were never reached: {len(missed)}")
print("\n".join(missed))
sys.exit(bool(missed))
PY
exit $code
