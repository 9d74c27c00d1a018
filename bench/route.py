#!/usr/bin/env python3
"""make bench-route: routing questions a second with 10, 1,000 and 100,000 rules of several kinds.

    bench/route.py [--store] [--runs N] [--rules 10,1000,100000] [--questions N]

bench/route asks the index that the engine and `xrat route` use, in one thread, on processor time; it runs N times, all
kinds and sizes each time, and the medians are shown. A rule-by-rule search would cost ten thousand times more with
100,000 rules than with 10: the last column says what it costs here. --store keeps the output in bench/results/."""
import argparse
import os
import re
import statistics
import subprocess
import sys

from machine import TOP, Quiet, Report, commit, describe, first, spread, today

ROUTE = os.path.join(TOP, "build", "release", "bench", "route")
XRAT = os.environ.get("XRAT", os.path.join(TOP, "build", "xrat"))
LINE = re.compile(r"^(.*?)\s+(\d+) rules\s+build\s+([\d.]+) ms\s+(\d+) bytes\s+([\d.]+) ns a question\s+(\d+)% match$")


def measure(o):
    """{(kind, rules): [(build ms, bytes, ns, % match), …]} in the order of the program."""
    rows = {}
    for _ in range(o.runs):
        done = subprocess.run([ROUTE, "-n", str(o.questions), *o.rules.split(",")], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"bench: {ROUTE} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        for line in done.stdout.splitlines():
            found = LINE.match(line)
            if not found:
                sys.exit(f"bench: not understood: {line}")
            kind, rules, *numbers = found.groups()
            rows.setdefault((kind, int(rules)), []).append([float(n) for n in numbers])
    return rows


def row(key, runs, least):
    build, size, ns, match = zip(*runs)
    middle, between = spread([1e3 / v for v in ns])
    return (f"{key[0]:10} {key[1]:7}  {middle:>9}  {between:15} {statistics.median(ns):7.0f}  {statistics.median(build):9.2f}"
            f"  {size[0] / 1024:9.0f}  {match[0]:4.0f}%  {statistics.median(ns) / least:6.2f}")


def main():
    p = argparse.ArgumentParser(description="routing questions a second")
    p.add_argument("--store", action="store_true", help="keep the output in bench/results/")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--rules", default="10,1000,100000")
    p.add_argument("--questions", type=int, default=1000000)
    o = p.parse_args()
    if not os.access(ROUTE, os.X_OK):
        sys.exit("bench: run make bench-route")
    report, quiet = Report(), Quiet()
    report.say(f"{first(XRAT, 'version')}, {today()}{commit()}")
    report.say(describe())
    report.say(f"one thread, processor time; median of {o.runs} runs of {o.questions} questions each")
    report.say(f"\n{'kind':10} {'rules':>7}  {'million/s':>9}  {'spread':15} {'ns each':>7}  {'build ms':>9}  {'index KiB':>9}"
               f"  {'match':>5}  {'x least':>6}")
    rows = measure(o)
    for key, runs in rows.items():
        least = min(statistics.median(r[2] for r in rows[k]) for k in rows if k[0] == key[0])
        report.say(row(key, runs, least))
    report.say(quiet.line())
    if o.store:
        report.store("route")


if __name__ == "__main__":
    main()
