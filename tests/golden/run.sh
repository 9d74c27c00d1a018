#!/usr/bin/env bash
# Golden cases: tests/golden/run.sh [-u] [FILTER...]
#
# A case is tests/golden/<stage>/<case>/. xrat runs with that directory as its working directory and an empty environment:
#   cmd          one line, the arguments (shell quoting); default: --root root check; "@NAME ..." runs the test program NAME
#                of tests/programs instead of xrat
#   expect.diag  exact stderr; absent = nothing on stderr
#   expect.out   exact stdout (or expect.json); absent = nothing on stdout
#   expect.exit  exit code; default 1 when expect.diag has "error[", else 0
#   env          optional NAME=VALUE lines
#   stdin        optional standard input
#   setup        optional shell script that makes what cannot be committed (huge files, links, modes); the case then runs
#                in a copy of its directory; exit 77 of it skips the case, its last line says why
# -u writes the expectations from what xrat says now. FILTER words pick cases whose path contains one of them.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
VARIANT=${VARIANT:-release}
if [ "$VARIANT" = release ]; then default_xrat=$top/build/xrat; else default_xrat=$top/build/$VARIANT/xrat; fi
export XRAT=${XRAT:-$default_xrat}

default_exit() { if grep -q 'error\[' "$1" 2>/dev/null; then echo 1; else echo 0; fi; }

# Where stdout is expected: the file that is there, else one named after what came out.
out_file() {
	if [ -e "$1/expect.json" ]; then echo expect.json
	elif [ -e "$1/expect.out" ] || ! head -c 1 "$2" | grep -q '[[{]'; then echo expect.out
	else echo expect.json
	fi
}

update_case() { # case dir, output dir, exit code
	local name
	name=$(out_file "$1" "$2/out")
	if [ -s "$2/out" ]; then cp "$2/out" "$1/$name"; else rm -f "$1/$name"; fi
	if [ -s "$2/diag" ]; then cp "$2/diag" "$1/expect.diag"; else rm -f "$1/expect.diag"; fi
	if [ "$3" = "$(default_exit "$1/expect.diag")" ]; then rm -f "$1/expect.exit"; else echo "$3" >"$1/expect.exit"; fi
}

compare_case() { # case dir, output dir, exit code; prints what differs
	local want same=0
	if [ -e "$1/expect.exit" ]; then want=$(<"$1/expect.exit"); else want=$(default_exit "$1/expect.diag"); fi
	if [ "$3" != "$want" ]; then echo "exit code $3, expected $want"; same=1; fi
	compare_file "$1/expect.diag" "$2/diag" || same=1
	compare_file "$1/$(out_file "$1" "$2/out")" "$2/out" || same=1
	return $same
}
compare_file() {
	local want=$1
	[ -e "$want" ] || want=/dev/null
	cmp -s "$want" "$2" || { diff -u --label "expected ${1##*/}" --label got "$want" "$2" | head -n 60; return 1; }
}

run_case() { # case dir; a line in $results and, when it fails, the differences on stdout
	local dir=$1 cwd=$1 name=${1#"$here"/} work code text reason line vars=()
	work=$(mktemp -d "$results.d/XXXXXX")
	if [ -e "$dir/setup" ]; then
		cwd=$work/case
		cp -a "$dir" "$cwd"
		if ! (cd "$cwd" && timeout 60 sh ./setup) >"$work/setup.log" 2>&1; then
			reason=$(tail -n 1 "$work/setup.log")
			printf 'skipped: %s: %s\n' "$name" "$reason"
			echo skip >>"$results"
			return
		fi
	fi
	if [ -e "$dir/env" ]; then while IFS= read -r line; do [ -n "$line" ] && vars+=("$line"); done <"$dir/env"; fi
	local input=/dev/null
	[ -e "$dir/stdin" ] && input=$dir/stdin
	line='--root root check'
	[ -e "$dir/cmd" ] && line=$(head -n 1 "$dir/cmd")
	eval "set -- $line"
	local program=$XRAT
	if [[ ${1-} == @* ]]; then
		program=$top/build/$VARIANT/tests/${1#@}
		shift
		if [ ! -x "$program" ]; then
			printf 'skipped: %s: %s is not built (make tests)\n' "$name" "${program##*/}"
			echo skip >>"$results"
			return
		fi
	fi
	(cd "$cwd" && exec env -i HOME="$results.d/home" LC_ALL=C PATH=/usr/bin:/bin ${vars[@]+"${vars[@]}"} \
		timeout -k 5 60 "$program" "$@") <"$input" >"$work/out" 2>"$work/diag"
	code=$?
	if [ "$code" -ge 124 ]; then
		printf 'FAIL %s: ended with %s (124 is a hang, above 128 a signal)\n%s\n' "$name" "$code" "$(head -n 30 "$work/diag")"
		echo fail >>"$results"
	elif [ "$update" = 1 ]; then
		update_case "$dir" "$work" "$code"
		echo pass >>"$results"
	elif text=$(compare_case "$dir" "$work" "$code"); then
		echo pass >>"$results"
	else
		printf 'FAIL %s: xrat %s\n%s\n' "$name" "$line" "$text"
		echo fail >>"$results"
	fi
	rm -rf "$work"
}

if [ "${1-}" = --worker ]; then
	shift
	for c in "$@"; do run_case "$c"; done
	exit 0
fi

update=0
if [ "${1-}" = -u ]; then update=1; shift; fi
[ -x "$XRAT" ] || { echo "golden: no program '$XRAT', run make" >&2; exit 2; }
results=$(mktemp "${TMPDIR:-/tmp}/xrat-golden.XXXXXX")
mkdir -p "$results.d/home"
export results update
trap 'chmod -R u+rwX "$results.d" 2>/dev/null; rm -rf "$results" "$results.d"' EXIT

wanted() {
	local f
	[ $# -gt 1 ] || return 0
	for f in "${@:2}"; do [[ $1 == *"$f"* ]] && return 0; done
	return 1
}
for dir in "$here"/*/*/; do
	dir=${dir%/}
	[ -d "$dir" ] && wanted "${dir#"$here"/}" "$@" && printf '%s\0' "$dir"
done | xargs -0 -r -n 8 -P 2 "$0" --worker

count() { grep -c "^$1\$" "$results"; }
printf 'golden: %d passed, %d failed, %d skipped\n' "$(count pass)" "$(count fail)" "$(count skip)"
[ "$(count fail)" = 0 ]
