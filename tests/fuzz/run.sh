#!/usr/bin/env bash
# tests/fuzz/run.sh SECONDS [TOPIC...]: runs the fuzzers one after another, new inputs in build/fuzz/corpus, findings in
# build/fuzz/findings, and prints one line for tests/fuzz/LOG each.
set -u
cd "$(dirname "$0")/../.." || exit 2
seconds=$1
shift
mkdir -p build/fuzz/findings
[ $# -gt 0 ] || { set -- tests/fuzz/fuzz_*.c; set -- "${@##*/fuzz_}"; set -- "${@%.c}"; }
bad=0
for topic in "$@"; do
	mkdir -p "build/fuzz/corpus/$topic"
	log=build/fuzz/$topic.log
	seeds=("build/fuzz/corpus/$topic")
	[ -d "tests/fuzz/corpus/$topic" ] && seeds+=("tests/fuzz/corpus/$topic")
	: >build/fuzz/begin
	timeout $((seconds + 120)) "build/fuzz/fuzzers/fuzz_$topic" -max_total_time="$seconds" -max_len=65536 -timeout=20 \
		-rss_limit_mb=3000 -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$topic-" \
		"${seeds[@]}" >"$log" 2>&1
	code=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	found=$(find build/fuzz/findings -name "$topic-*" -newer build/fuzz/begin | wc -l)
	printf '%-10s %6s %12s %8d\n' "$topic" "$(awk -v s="$seconds" 'BEGIN { printf "%.1f", s / 60 }')" "${runs:-0}" "$found"
	[ "$code" = 0 ] || { bad=1; echo "  exit code $code, see $log"; }
done
exit $bad
