#!/usr/bin/env bash
# make lint: shellcheck over every shell file, cppcheck and clang-tidy over the product. Not part of make check, whose
# answer must not change with the version of a linter.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
mapfile -t shells < <(grep -rlE '^#!.*(ba)?sh$' --include='*' .ci tests tools bench 2>/dev/null | sort)
shellcheck -x tests/lib.sh "${shells[@]}" || bad=1
folders=()
while read -r f; do [ -d "$f" ] && folders+=("$f"); done < <(sed -n 's/^\([a-z]*\):.*/\1/p' tools/layers)
cppcheck --quiet --std=c11 -I. -DXRAT_VERSION='""' --inline-suppr --error-exitcode=1 --enable=warning,portability,performance \
	--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -j 2 "${folders[@]}" || bad=1
mapfile -t sources < <(find "${folders[@]}" -name '*.c' | sort)
clang-tidy --quiet "${sources[@]}" -- -std=gnu11 -D_GNU_SOURCE -DXRAT_VERSION='""' -I. 2>/dev/null || bad=1
[ $bad = 0 ] && echo 'lint: nothing to say'
exit $bad
