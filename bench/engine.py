#!/usr/bin/env python3
"""make bench-engine: the embedded engine beside other proxies, all in one run on one machine.

    bench/engine.py [--store] [--runs N] [--rows down1,up1,down8,up8,connect,rules,sniff,roundtrip,idle,memory,start] [--quick]

Peers: v2ray, microsocks and haproxy (tcp mode: no SOCKS, one fixed destination) where they are installed; a bare SOCKS
forwarder (splice, one and two threads); and no proxy at all. The load generator socksload.c and the forwarder
relayfloor.c are no part of this repository: they are compiled from the directory that BENCH_TOOLS names, or from
../shared/bench where that is there; without them nothing is measured.

In each repetition each row runs every peer once, the order moving on by one from repetition to repetition; a peer is
started anew each time, with a target of its own. A proportion is taken within each repetition, between runs that are
seconds apart, and the median of those is held against the bar: what else the machine does then hits both sides.

Everything runs in a network namespace of its own. --rows also takes cpu (down1 and up1) and stream (all four); --quick
is one short repetition to see that it works, --store keeps the output in bench/results/. The exit code is 0 whether
bars are met or not."""
import argparse
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

from engine_peers import ENGINE, KINDS, TOOLS, Failed, Lab, Running
from engine_rows import ALIASES, ROWS, Scale, judge, table
from machine import Quiet, Report, commit, describe, first, today

INSIDE = "XRAT_BENCH_NETNS"
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40


# --- the namespace ----------------------------------------------------------------------------------------------------

def enter_namespace():
    """This program again, in a namespace of its own, or the reason why there is none."""
    ways = [["unshare", "-n"], ["unshare", "-rn"]][0 if os.getuid() == 0 else 1:]
    for way in ways:
        try:
            works = subprocess.run([*way, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
        except OSError:
            return "unshare is not installed"
        if works:
            os.environ[INSIDE] = "1"
            os.execvp(way[0], [*way, sys.executable, os.path.abspath(__file__), *sys.argv[1:]])
    return "no network namespace can be made here (unshare -n as root, unshare -rn otherwise)"


def set_up_network():
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        sys.exit(f"bench: {INSIDE} is set, but this network has more than lo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP | IFF_RUNNING))
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w", encoding="utf-8") as f:
        f.write("20000 65535")


# --- the runs ---------------------------------------------------------------------------------------------------------

def measure_once(lab, row, entry, scale):
    with Running(lab, entry.kind, entry.variant) as running:
        return row.measure(running, entry, scale)


def measure(lab, row, order, scale, results, failures):
    """One repetition of a row; a run that fails leaves a gap and its reason."""
    n = len(row.entries)
    for i in range(n):
        entry = row.entries[(i + order) % n]
        if not lab.present(entry.kind):
            results[entry.name].append(None)
            continue
        try:
            results[entry.name].append(measure_once(lab, row, entry, scale))
        except (Failed, OSError, ValueError) as e:
            results[entry.name].append(None)
            failures[entry.name].append(str(e))


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run_all(lab, rows, runs, scale):
    results = {row.name: {e.name: [] for e in row.entries} for row in rows}
    failures = {row.name: {e.name: [] for e in row.entries} for row in rows}
    for i in range(runs):
        for row in rows:
            progress(f"repetition {i + 1} of {runs}: {row.name}")
            measure(lab, row, i, scale, results[row.name], failures[row.name])
    progress("")
    return results, failures


# --- the report -------------------------------------------------------------------------------------------------------

def head(lab, report, o):
    report.say(f"{first(lab.programs['xrat-engine'], 'version')}, {today()}{commit()}")
    report.say(describe())
    report.say(f"beside: {lab.versions()}; {lab.tools()}")
    report.say(f"TCP on loopback in a network namespace; median (smallest-largest) of {o.runs} interleaved repetitions; "
               "proportions: median of those within each repetition")
    if o.quick:
        report.say("--quick: short runs, not the figures that the bars are about")


def body(lab, report, rows, results, failures):
    absent = {kind for kind in KINDS if not lab.present(kind)}
    lines, missed = [], 0
    for row in rows:
        for line in table(row, results[row.name], failures[row.name], absent):
            report.say(line)
        more, count = judge(row, results[row.name], failures[row.name])
        lines, missed = lines + more, missed + count
    report.say(f"\n{'bars':64} {'median':>8}  spread")
    for line in lines:
        report.say(line)
    report.say(f"\nbars not met or not measured: {missed}" if missed else "\nevery bar measured here is met")


def bench(o, rows, work):
    lab, report, quiet = Lab(work), Report(), Quiet()
    scale = Scale(0.5, 0.2) if o.quick else Scale()
    head(lab, report, o)
    results, failures = run_all(lab, rows, o.runs, scale)
    body(lab, report, rows, results, failures)
    report.say(quiet.line())
    if o.store:
        report.store("engine" if len(rows) == len(ROWS) else "engine-" + "-".join(r.name for r in rows))


def options():
    p = argparse.ArgumentParser(description="the embedded engine beside other proxies")
    p.add_argument("--store", action="store_true", help="keep the output in bench/results/")
    p.add_argument("--runs", type=int, help="repetitions; default 5, with --quick 1")
    p.add_argument("--rows", default="", help="comma-separated; default all of " + ", ".join(r.name for r in ROWS))
    p.add_argument("--quick", action="store_true", help="short runs, to see that it works")
    o = p.parse_args()
    if o.store and o.quick:
        sys.exit("bench: what --quick measures is not kept")
    o.runs = max(1, o.runs or (1 if o.quick else 5))
    return o


def chosen(text):
    """The rows that --rows names, in the order of the table."""
    names = [n for word in text.split(",") if word for n in ALIASES.get(word, [word])] or [r.name for r in ROWS]
    for name in names:
        if name not in [r.name for r in ROWS]:
            sys.exit(f"bench: there is no row '{name}'; allowed are {', '.join([r.name for r in ROWS] + list(ALIASES))}")
    return [r for r in ROWS if r.name in names]


def stop(_number, _frame):
    sys.exit("bench: interrupted")


def main():
    o = options()
    rows = chosen(o.rows)
    if not os.access(ENGINE, os.X_OK):
        sys.exit("bench: run make")
    if not os.path.exists(os.path.join(TOOLS, "socksload.c")):
        print("bench: skipped: the load generator socksload.c is not there; BENCH_TOOLS names the directory that has it")
        return
    if not os.environ.get(INSIDE):
        print(f"bench: skipped: {enter_namespace()}")
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    set_up_network()
    work = tempfile.mkdtemp(prefix="xrat-bench.")
    try:
        bench(o, rows, work)
    except Failed as e:
        sys.exit(f"bench: {e}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
