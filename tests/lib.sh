# shellcheck shell=bash
# Sourced by the shell tests: counters, a scratch directory, waiting without sleeping on luck.
# A test script ends with `finish NAME`, whose last line is "NAME: N passed, N failed, N skipped".
set -u
# The make that started this run must not lend its job server or flags to the makes inside tests.
unset MAKEFLAGS MFLAGS MAKELEVEL
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VARIANT=${VARIANT:-release}
if [ "$VARIANT" = release ]; then default_xrat=$top/build/xrat; else default_xrat=$top/build/$VARIANT/xrat; fi
XRAT=${XRAT:-$default_xrat}
# shellcheck disable=SC2034 # for the scripts that source this
build=$top/build/$VARIANT
# shellcheck disable=SC2034
test_data=${XRAT_TEST_DATA:-$top/../shared}
n_passed=0 n_failed=0 n_skipped=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/xrat-test.XXXXXX")
pids=()

cleanup() {
	local p
	for p in ${pids[@]+"${pids[@]}"}; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
	rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

pass() { n_passed=$((n_passed + 1)); }
fail() { n_failed=$((n_failed + 1)); printf 'FAIL %s\n' "$*"; }
skip() { n_skipped=$((n_skipped + 1)); printf 'skipped: %s\n' "$*"; }
# expect WHAT COMMAND...: passes when the command succeeds.
expect() {
	local what=$1
	shift
	if "$@"; then pass; else fail "$what"; fi
}
have() { command -v "$1" >/dev/null 2>&1; }
finish() {
	printf '%s: %d passed, %d failed, %d skipped\n' "$1" "$n_passed" "$n_failed" "$n_skipped"
	[ "$n_failed" = 0 ]
	exit
}

# xrat with nothing of the caller's environment; extra NAME=VALUE words may stand first.
clean_xrat() {
	local vars=()
	while [[ ${1-} == [A-Z]*=* ]]; do vars+=("$1"); shift; done
	mkdir -p "$scratch/home"
	env -i HOME="$scratch/home" LC_ALL=C PATH=/usr/bin:/bin ${vars[@]+"${vars[@]}"} timeout "${XRAT_TIMEOUT:-20}" "$XRAT" "$@"
}

# until_true SECONDS COMMAND...: polls until the command succeeds; 1 when the time is over.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		read -rt 0.05 <> <(:) || :
	done
}

# Ports of 127.0.0.1 that stay this script's, for TCP and UDP. N of them when asked, all different.
free_ports() { python3 "$top/tests/common.py" "${1:-1}" $$; }
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start LOG COMMAND...: a background process that cleanup ends; its pid in $started.
start() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null &
	started=$!
	pids+=("$started")
}
