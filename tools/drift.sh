#!/usr/bin/env bash
# Are the generated files (schemas, docs, starter files, …) what the tables make today?
#   tools/drift.sh [-u] GENERATOR XRAT
# GENERATOR DIR writes what model/ makes below DIR, under the names of the tree; `XRAT docs PAGE` prints what the command
# table and the diagnostic codes make. -u copies all of it into the tree.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../tests/lib.sh"
cd "$top" || exit 2
update=0
if [ "${1-}" = -u ]; then update=1; shift; fi
gen=$1
if [ ! -x "$gen" ]; then
	fail "no generator '$gen', run make"
	finish drift
fi
mkdir "$scratch/new"
"$gen" "$scratch/new" || fail "'$gen' ended with $?"
if [ -x "${2-}" ]; then
	mkdir -p "$scratch/new/man" "$scratch/new/docs"
	"$2" docs man >"$scratch/new/man/xrat.1" || fail "'$2 docs man' ended with $?"
	"$2" docs diagnostics >"$scratch/new/docs/diagnostics.md" || fail "'$2 docs diagnostics' ended with $?"
	"$2" docs engine >"$scratch/new/docs/engine-keys.md" || fail "'$2 docs engine' ended with $?"
else
	skip "man page, docs/diagnostics.md and docs/engine-keys.md: no program '${2-}'"
fi

(cd "$scratch/new" && find . -type f | sed 's|^\./||' | sort) >"$scratch/list"
[ -s "$scratch/list" ] || fail "'$gen' wrote nothing"
while read -r file; do
	if [ $update = 1 ]; then
		cmp -s "$scratch/new/$file" "$file" || { mkdir -p "$(dirname "$file")" && cp "$scratch/new/$file" "$file" && echo "wrote $file"; }
		pass
	elif cmp -s "$scratch/new/$file" "$file"; then
		pass
	else
		fail "$file is not what the tables make; run make generate"
		diff -u "$file" "$scratch/new/$file" 2>&1 | head -n 20
	fi
done <"$scratch/list"
finish drift
