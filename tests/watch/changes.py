#!/usr/bin/env python3
"""1,000 changes of each of five ways against the watcher: changes.py WATCH_DRIVE SCRATCH [CHANGES]

Changes come in batches without a pause; after each batch the final content must be read by a callback's settled burst.
One line a way: what was done and how much of it was seen. Exit 1 when a final content was missed."""
import os
import queue
import random
import shutil
import subprocess
import sys
import threading

drive, scratch = sys.argv[1], sys.argv[2]
total = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
DEADLINE = 20


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def in_place(root, n):
    with open(f"{root}/x.toml", "r+", encoding="ascii") as f:
        f.write(f"v{n:06}\n")


def truncate(root, n):
    write(f"{root}/x.toml", f"v{n:06}\n")


def rename(root, n):
    write(f"{root}/.x.toml.tmp", f"v{n:06}\n")
    os.rename(f"{root}/.x.toml.tmp", f"{root}/x.toml")


def flip(root, n):
    new = f"..2026_{n:06}"
    os.mkdir(f"{root}/{new}")
    write(f"{root}/{new}/x.toml", f"v{n:06}\n")
    old = os.readlink(f"{root}/..data")
    os.symlink(new, f"{root}/..data_tmp")
    os.rename(f"{root}/..data_tmp", f"{root}/..data")
    shutil.rmtree(f"{root}/{old}")


def flip_start(root):
    os.remove(f"{root}/x.toml")
    os.mkdir(f"{root}/..2026_start")
    write(f"{root}/..2026_start/x.toml", "start\n")
    os.symlink("..2026_start", f"{root}/..data")
    os.symlink("..data/x.toml", f"{root}/x.toml")


def swap(root, n):
    os.mkdir(f"{root}.new")
    write(f"{root}.new/x.toml", f"v{n:06}\n")
    os.rename(root, f"{root}.old")
    os.rename(f"{root}.new", root)
    shutil.rmtree(f"{root}.old")


WAYS = [("in place", None, in_place), ("truncate and write", None, truncate), ("temp and rename", None, rename),
        ("symlink flip", flip_start, flip), ("directory swap", None, swap)]


def reader(pipe, lines):
    for line in pipe:
        lines.put(line.rstrip("\n"))
    lines.put(None)


def wait_for(lines, wanted):
    """The lines up to one that `wanted` accepts, or None when the time is over."""
    seen = []
    try:
        while True:
            line = lines.get(timeout=DEADLINE)
            if line is None:
                return None
            seen.append(line)
            if wanted(line):
                return seen
    except queue.Empty:
        return None


def run(number, name, prepare, change):
    root = f"{scratch}/way{number}"
    os.mkdir(root)
    write(f"{root}/x.toml", "start\n")
    if prepare:
        prepare(root)
    p = subprocess.Popen([drive, "-s", "5", "-m", "100", root, "x.toml"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
    lines = queue.Queue()
    threading.Thread(target=reader, args=(p.stdout, lines), daemon=True).start()
    wait_for(lines, lambda line: line == "ready")
    dice = random.Random(number)
    done = batches = seen = calls = reads = 0
    while done < total:
        for _ in range(min(dice.randint(1, 40), total - done)):
            done += 1
            change(root, done)
        batches += 1
        got = wait_for(lines, lambda line, n=done: line.startswith("settled") and f"x.toml=v{n:06}" in line)
        seen += got is not None
        calls += sum(line.startswith("call") for line in got or [])
        reads += sum(line.startswith("settled") for line in got or [])
    p.stdin.write("stats\nstop\n")
    p.stdin.close()
    rest = wait_for(lines, lambda line: line.startswith("stopped")) or []
    p.wait(DEADLINE)
    stats = next((line for line in rest if line.startswith("stats")), "")
    overflowed = " overflows 0 " not in stats or not stats.endswith("watching")
    good = seen == batches and reads < done and p.returncode == 0 and not overflowed
    print(f"{'ok' if good else 'MISSED'} {name}: {done} changes in {batches} batches, {seen} final contents seen, "
          f"{batches - seen} missed, {reads} readings after {calls} calls ({stats})", flush=True)
    return good


results = [run(i, *way) for i, way in enumerate(WAYS)]
sys.exit(0 if all(results) else 1)
