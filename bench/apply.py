#!/usr/bin/env python3
"""make bench-apply: how long an edit takes until an engine runs it, with 10 and with 10,000 rules.

    bench/apply.py [--store] [--runs N] [--sizes 10,10000]

The edit is the same everywhere: one more SOCKS inbound on a port that was free, written beside and renamed into place.
Time runs from just before the rename. Four things are done in turn, each in a place of its own, so that whatever else
the machine does hits all alike; the first round is not counted:

  service   `xrat watch` runs: until the live link has moved, and until the new engine answers on the new port
  by hand   what one does without it, on the finished xray.json: `v2ray -test`, SIGTERM, start, poll the port
  apply     `xrat apply` without a service, the whole process
  copy      `v2ray -test`, cp, mv on the finished xray.json; and the same with the file synced before mv

An answer is the engine's reply to a SOCKS greeting. --store keeps the output in bench/results/. The exit code is 0
unless something could not be measured."""
import argparse
import datetime
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
XRAT = os.environ.get("XRAT", os.path.join(TOP, "build", "xrat"))
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
POLL = 0.0005
DEADLINE = 60


class Failed(Exception):
    pass


def free_ports(n):
    """n ports of 127.0.0.1 that were free a moment ago, all different."""
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as s:
            s.sendall(b"\5\1\0")
            return s.recv(2) == b"\5\0"
    except OSError:
        return False


def until(what, condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {DEADLINE} s")
        time.sleep(POLL)


def replace(path, text):
    """Written beside; what is left to do is the rename."""
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        f.write(text)
    return lambda: os.rename(path + ".tmp", path)


def run(*command):
    done = subprocess.run(command, env=ENV, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def ms_since(begin):
    return (time.monotonic() - begin) * 1000


class Root:
    """A CONFIG_ROOT with n rules and ports of its own."""

    def __init__(self, place, n):
        run("sh", os.path.join(TOP, "bench", "rules.sh"), str(n), place)
        self.path = os.path.join(place, "root")
        socks, dokodemo, api = free_ports(3)
        with open(os.path.join(self.path, "xp2p-client.toml"), "a", encoding="utf-8") as f:
            f.write(f'[client.xray.inbounds.socks]\nport = {socks}\n[client.xray.inbounds.dokodemo]\nport = {dokodemo}\n'
                    f'[client.xray.logs.api]\nlisten = "127.0.0.1:{api}"\n')
        with open(os.path.join(self.path, "config.toml"), "w", encoding="utf-8") as f:
            f.write('[runtime]\nengine = "v2ray"\nengine_version = "4.34"\n[apply]\nprove_seconds = 1\n')

    def edit(self, port):
        inbound = {"tag": "marker", "listen": "127.0.0.1", "port": port, "protocol": "socks", "settings": {"udp": False}}
        return replace(os.path.join(self.path, "config-client", "inbounds.append.json"), json.dumps({"inbounds": [inbound]}))

    def link(self, which):
        try:
            return os.readlink(os.path.join(self.path, ".state", which, "config-client"))
        except OSError:
            return None


class Service:
    """`xrat watch` over a root."""

    def __init__(self, place, n):
        self.root = Root(place, n)
        self.log = open(os.path.join(place, "watch.log"), "w", encoding="utf-8")
        self.process = subprocess.Popen([XRAT, "--root", self.root.path, "watch"], env=ENV, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        self.settled()

    def settled(self):
        """The newest edit is proved: nothing happens any more."""
        until("the proof of an edit", lambda: self.root.link("live") and self.root.link("lkg") == self.root.link("live"))

    def round(self, row):
        port = free_ports(1)[0]
        rename, before = self.root.edit(port), self.root.link("live")
        begin = time.monotonic()
        rename()
        until("the switch of live", lambda: self.root.link("live") != before)
        row("service: edit to live link switched", ms_since(begin))
        until("the engine of the service", lambda: answers(port))
        row("service: edit to engine answering", ms_since(begin))
        self.settled()

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class ByHand:
    """A finished xray.json, its checker and its process, looked after by a loop."""

    def __init__(self, place, n):
        self.root = Root(place, n)
        self.file = os.path.join(place, "xray.json")
        self.engine = None
        self.quiet = open(os.devnull, "w", encoding="utf-8")

    def round(self, row):
        port = free_ports(1)[0]
        self.root.edit(port)()
        rename = replace(self.file, run(XRAT, "--root", self.root.path, "render", "xray", "--desired"))
        begin = time.monotonic()
        rename()
        run("v2ray", "-test", "-config", self.file)
        self.close_engine()
        self.engine = subprocess.Popen(["v2ray", "-config", self.file], env=ENV, stdin=subprocess.DEVNULL,
                                       stdout=self.quiet, stderr=self.quiet)
        until("the engine by hand", lambda: answers(port))
        row("by hand: edit to engine answering", ms_since(begin))

    def close_engine(self):
        if self.engine:
            self.engine.send_signal(signal.SIGTERM)
            self.engine.wait()

    def close(self):
        self.close_engine()
        self.quiet.close()


class Apply:
    """`xrat apply` where no service runs."""

    def __init__(self, place, n):
        self.root = Root(place, n)

    def round(self, row):
        rename, before = self.root.edit(free_ports(1)[0]), self.root.link("live")
        rename()
        begin = time.monotonic()
        run(XRAT, "--root", self.root.path, "apply")
        row("apply: xrat apply", ms_since(begin))
        if self.root.link("live") == before:
            raise Failed("xrat apply published nothing")
        begin = time.monotonic()
        run(XRAT, "--root", self.root.path, "apply")
        row("apply: xrat apply, nothing new", ms_since(begin))

    def close(self):
        pass


class Copy:
    """The checker and a rename."""

    SCRIPTS = {"copy: v2ray -test, cp, mv": 'v2ray -test -config "$1" && cp "$1" "$2.tmp" && mv "$2.tmp" "$2"',
               "copy: v2ray -test, cp, sync, mv":
                   'v2ray -test -config "$1" && cp "$1" "$2.tmp" && sync "$2.tmp" && mv "$2.tmp" "$2" && sync "${2%/*}"'}

    def __init__(self, place, n):
        self.root = Root(place, n)
        self.place = place

    def round(self, row):
        new, live = os.path.join(self.place, "new.json"), os.path.join(self.place, "live.json")
        self.root.edit(free_ports(1)[0])()
        replace(new, run(XRAT, "--root", self.root.path, "render", "xray", "--desired"))()
        for name, script in self.SCRIPTS.items():
            begin = time.monotonic()
            run("sh", "-c", script, "sh", new, live)
            row(name, ms_since(begin))

    def close(self):
        pass


def measure(n, runs, work):
    """{row: [ms, …]}"""
    rows, peers = {}, []
    try:
        for kind in (Service, ByHand, Apply, Copy):
            place = os.path.join(work, f"{n}-{kind.__name__}")
            os.mkdir(place)
            peers.append(kind(place, n))
        for i in range(runs + 1):
            for peer in peers:
                peer.round(lambda name, ms, counted=i > 0: rows.setdefault(name, []).extend([ms] if counted else []))
    finally:
        for peer in peers:
            peer.close()
    return rows


def settle_ms():
    """The default of the program, from the reference that is made of its tables."""
    with open(os.path.join(TOP, "templates", "config.toml"), encoding="utf-8") as f:
        return int(re.search(r"^# settle_ms = (\d+)", f.read(), re.M).group(1))


def line(name, values):
    return f"  {name:40} {statistics.median(values):9.2f}  {min(values):.2f}-{max(values):.2f}"


def ratio(what, a, b):
    return f"  {what:62} {statistics.median(a) / statistics.median(b):6.2f}"


def report(n, rows, settle):
    ready, hand = rows["service: edit to engine answering"], rows["by hand: edit to engine answering"]
    switched = rows["service: edit to live link switched"]
    apart = [v - settle for v in ready]
    out = [f"\n{n} rules{'':34} median  spread"]
    out += [line("service: edit to live link switched", switched),
            line("  without settle_ms", [v - settle for v in switched]),
            line("service: edit to engine answering", ready),
            line("  without settle_ms", apart)]
    out += [line(name, values) for name, values in rows.items() if not name.startswith("service")]
    out += ["ratios",
            ratio("service, settle included, in by hand", ready, hand),
            ratio("service, settle apart, in by hand", apart, hand),
            ratio("xrat apply, in v2ray -test, cp, mv", rows["apply: xrat apply"], rows["copy: v2ray -test, cp, mv"]),
            ratio("xrat apply, in v2ray -test, cp, sync, mv", rows["apply: xrat apply"],
                  rows["copy: v2ray -test, cp, sync, mv"])]
    return "\n".join(out)


def machine(runs, settle):
    def first(*command):
        return run(*command).splitlines()[0]

    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((l.split(":", 1)[1].strip() for l in f if l.startswith("model name")), platform.machine())
    with open("/proc/meminfo", encoding="utf-8") as f:
        memory = int(f.readline().split()[1]) / 1048576
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return (f"{first(XRAT, 'version')}, {today}\n"
            f"machine: {cpu}, {os.cpu_count()} CPUs, {memory:.1f} GiB, {platform.system()} {platform.release()}, "
            f"load {os.getloadavg()[0]:.1f} at the start\n"
            f"beside: {' '.join(first('v2ray', '-version').split()[:2])}\n"
            f"wall time in ms: median (smallest-largest) of {runs} interleaved rounds, behind an uncounted one; settle_ms {settle}")


def main():
    p = argparse.ArgumentParser(description="time from an edit to a running engine")
    p.add_argument("--store", action="store_true", help="keep the output in bench/results/")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--sizes", default="10,10000")
    o = p.parse_args()
    if not os.access(XRAT, os.X_OK):
        sys.exit("bench: run make")
    if not shutil.which("v2ray", path=ENV["PATH"]):
        sys.exit("bench: v2ray is not installed")
    out = []

    def say(text):
        print(text, flush=True)
        out.append(text)

    work = tempfile.mkdtemp(prefix="xrat-bench.")
    try:
        settle = settle_ms()
        say(machine(o.runs, settle))
        for n in (int(s) for s in o.sizes.split(",")):
            say(report(n, measure(n, o.runs, work), settle))
    except Failed as e:
        sys.exit(f"bench: {e}")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if o.store:
        path = os.path.join(TOP, "bench", "results", f"apply-{datetime.datetime.now(datetime.timezone.utc).date()}.txt")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
