#!/usr/bin/env bash
# Memory: see tests/fault/oom.py. The commands run over a root that uses all of the compiler.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$top" || exit 2
if ! ${CC:-gcc} -O1 -g -Wall -Wextra -shared -fPIC -D_GNU_SOURCE -fno-builtin -o "$scratch/oom.so" tests/fault/oom.c -ldl; then
	fail "tests/fault/oom.c does not build"
	finish oom
fi
root=tests/fault/root
loop() {
	local line
	python3 tests/fault/oom.py "$scratch/oom.so" "$scratch/work" "$XRAT" "$@" >"$scratch/out" 2>&1 || :
	line=$(tail -n 1 "$scratch/out")
	if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		n_passed=$((n_passed + BASH_REMATCH[1])) n_failed=$((n_failed + BASH_REMATCH[2]))
		[ "${BASH_REMATCH[1]}" -gt 0 ] || fail "no allocation was seen in: $*"
		cat "$scratch/out"
	else
		fail "$*: $line"
	fi
}
loop --root "$root" check
loop --root "$root" render xray --desired
loop --root "$root" render xray --desired --output @OUT
loop --root "$root" route www.example.org:443 --user me --resolve 192.0.2.1
loop --root tests/fault/broken check
loop --root tests/fault/broken --format json check
finish oom
