#!/usr/bin/env bash
# make bench: compile of N user rules with 10 endpoints, whole process from a cold start, beside other programs on the same
# rules in the same run: bench/bench.sh [--store] [--runs N] [--sizes "10 1000 10000 100000"]
# --store keeps the output in bench/results/. States which bars are met; the exit code is 0 either way.
set -u
cd "$(dirname "$0")/.." || exit 2
top=$PWD
runs=5 sizes='10 1000 10000 100000' store=0
while [ $# -gt 0 ]; do
	case $1 in
	--store) store=1 ;;
	--runs) runs=$2; shift ;;
	--sizes) sizes=$2; shift ;;
	*) echo "bench: unknown option '$1'" >&2; exit 2 ;;
	esac
	shift
done
work=$(mktemp -d "${TMPDIR:-/tmp}/xrat-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
bin=build/release/bench
xrat=$top/build/xrat
if [ ! -x "$xrat" ] || [ ! -x $bin/measure ]; then echo 'bench: run make bench' >&2; exit 2; fi
xray=()
if [ -n "${XRAT_TEST_XRAY-}" ]; then xray=("$XRAT_TEST_XRAY"); elif command -v xray >/dev/null; then xray=(xray); fi

machine() {
	echo "$("$xrat" version 2>/dev/null | head -n 1), $(date -u +%Y-%m-%d)"
	echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, $(awk '/MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo), $(uname -sr)"
	echo "beside: $(v2ray -version 2>/dev/null | head -n 1 | cut -d' ' -f1,2); $(jq --version 2>/dev/null); $(jsonnet --version 2>/dev/null | head -n 1); jansson $(pkg-config --modversion jansson 2>/dev/null); $("${CC:-gcc}" --version | head -n 1)"
	echo "whole process, wall time in ms: median (smallest-largest) of $runs interleaved runs, each behind an uncounted one; peak memory in MiB"
}

commands() { # directory of one size; rows for measure
	local d=$1
	printf 'xrat-check\t%s --root %s/root check\n' "$xrat" "$d"
	printf 'xrat-render\t%s --root %s/root render xray --desired\n' "$xrat" "$d"
	printf 'xrat-raw\t%s check --raw %s/full.json\n' "$xrat" "$d"
	command -v v2ray >/dev/null && printf 'v2ray-test\tv2ray -test -config %s/full.json\n' "$d"
	[ ${#xray[@]} -gt 0 ] && printf 'xray-test\t%s run -test -c %s/full.json\n' "${xray[*]}" "$d"
	command -v jq >/dev/null && printf 'jq\tjq . %s/full.json\n' "$d"
	command -v jsonnet >/dev/null && printf 'jsonnet\tjsonnet %s/full.json\n' "$d"
	printf 'jansson\t%s/jansson_dump %s/full.json\n' "$bin" "$d"
	printf 'empty-c\t%s/empty\n' "$bin"
}

# All sizes in one round, so that a busy moment of the machine does not fall on one size alone.
measure_all() {
	local n
	for n in $sizes; do
		sh bench/rules.sh "$n" "$work/$n"
		commands "$work/$n" | sed "s/^/$n:/" >>"$work/commands"
	done
	$bin/measure "$runs" "$work/commands" | sed 's/:/ /' >"$work/rows"
}

# Ratios and bars from the rows: size, name, exit, median, smallest, largest, peak.
report() {
	awk '
	{ key = $1 SUBSEP $2; code[key] = $3; ms[key] = $4; low[key] = $5; high[key] = $6; peak[key] = $7 / 1024
	  if (!($1 in seen)) { seen[$1] = 1; size[++sizes] = $1 }
	  if (!($2 in known)) { known[$2] = 1; name[++names] = $2 } }
	function bar(what, have, limit,    ok) {
		ok = have <= limit
		printf "  %-62s %8.2f  (at most %.2f)  %s\n", what, have, limit, ok ? "met" : "NOT MET"
		missed += !ok
	}
	END {
		for (s = 1; s <= sizes; s++) {
			n = size[s]
			v = ms[n, "v2ray-test"]; j = ms[n, "jansson"]
			printf "\n%-14s %10s  %-22s %8s %6s %9s %9s\n", n " rules", "median", "spread", "peak", "exit", "x v2ray", "x jansson"
			for (i = 1; i <= names; i++) {
				k = n SUBSEP name[i]
				if (!(k in ms)) continue
				printf "%-14s %10.2f  %-22s %8.1f %6d %9s %9s\n", "  " name[i], ms[k], low[k] "-" high[k], peak[k], code[k], \
					v ? sprintf("%.2f", ms[k] / v) : "-", j ? sprintf("%.2f", ms[k] / j) : "-"
				if (code[k] && name[i] ~ /^xrat/) bad = bad "\n  " name[i] " of " n " rules ended with " code[k]
			}
		}
		print "\nbars"
		if ((10, "v2ray-test") in ms) bar("check of 10 rules, in v2ray -test", ms[10, "xrat-check"] / ms[10, "v2ray-test"], 0.7)
		for (s = 1; s <= sizes; s++) {
			n = size[s]
			if (!((n, "v2ray-test") in ms)) continue
			bar("check of " n " rules, time in v2ray -test", ms[n, "xrat-check"] / ms[n, "v2ray-test"], 1)
			bar("check of " n " rules, memory in v2ray -test", peak[n, "xrat-check"] / peak[n, "v2ray-test"], 1)
		}
		if ((10000, "xrat-check") in ms && (100000, "xrat-check") in ms)
			bar("check of 100000 rules, in 10000 rules", ms[100000, "xrat-check"] / ms[10000, "xrat-check"], 12)
		if ((100000, "jansson") in ms) {
			bar("check of 100000 rules, in jansson parse and dump", ms[100000, "xrat-check"] / ms[100000, "jansson"], 1)
			bar("render of 100000 rules, in jansson parse and dump", ms[100000, "xrat-render"] / ms[100000, "jansson"], 1)
		}
		if (bad) print "\nnot a measurement:" bad
		print missed || bad ? "\nnot every bar is met" : "\nevery bar is met"
	}' "$work/rows"
}

output() {
	machine
	report
}
measure_all
output | tee "$work/out"
if [ $store = 1 ]; then
	mkdir -p bench/results
	cp "$work/out" "bench/results/compile-$(date -u +%Y-%m-%d).txt"
fi
