#!/usr/bin/env python3
"""make bench-daemon: how soon the daemon answers `status` while it has other things to do.

    bench/daemon.py [--store] [--asked N] [--nodes N]

idle      a session runs, nothing else
connect   sessions replace one another without a pause (in `all` with pauses, or no rotation would ever come to its end)
test      `xrat test` of 200 nodes, again and again, on the same database
rotation  rotations that test 50 candidates each before they change the node
all       the three together
import    `xrat import` of 10,000 new nodes, again and again, into the same database, and a connect a second (last, as the others
          would see its nodes)
In each: N times a connection of its own, one question, one answer, as a client in Python sees it, with 1 ms between them.
Beside it the same for `ping`, asked in turn, which looks at nothing: the ratio is what `status` adds. The nodes are 200
addresses of one local SOCKS server; the engine is the builtin one. The bar is a median under 10 ms in every row; --store
keeps the output in bench/results/. The exit code is 1 when it is missed."""
import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from machine import TOP, Quiet, Report, commit, describe, today

BAR_MS, IMPORTED = 10, 10000
CONFIG = """[runtime]
engine = "builtin"
[runtime.socks]
port = {port}
[runtime.rotation]
enabled = true
interval_secs = 1
cooldown_secs = 0
health_trigger_enabled = false
probe_url = "http://127.0.0.1:{web}/"
"""
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


class Page:
    """The shortest web server."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            s, _ = self.socket.accept()
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    @staticmethod
    def one(s):
        with s:
            try:
                if s.recv(65536):
                    s.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            except OSError:
                pass


def free_port():
    with socket.socket() as s:
        s.bind(("0.0.0.0", 0))
        return s.getsockname()[1]


class Place:
    def __init__(self, folder, nodes):
        self.root, self.nodes, self.web = f"{folder}/root", nodes, Page()
        self.xrat = os.environ.get("XRAT", os.path.join(TOP, "build", "xrat"))
        port = free_port()
        self.server = subprocess.Popen(["microsocks", "-i", "0.0.0.0", "-p", str(port)], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.makedirs(self.root)
        with open(f"{self.root}/config.toml", "w", encoding="utf-8") as f:
            f.write(CONFIG.format(port=free_port(), web=self.web.port))
        with open(f"{folder}/links", "w", encoding="utf-8") as f:
            f.writelines(f"socks://127.1.{i // 200}.{i % 200 + 1}:{port}#node-{i}\n" for i in range(nodes))
        self.run("import", f"{folder}/links")
        with open(f"{folder}/log", "wb") as log:
            self.daemon = subprocess.Popen([self.xrat, "--root", self.root, "daemon", "run-server"], env=ENV,
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not os.path.exists(f"{self.root}/runtime/daemon.sock") and time.monotonic() < end:
            time.sleep(0.01)
        self.run("daemon", "status")
        self.over, self.pause = threading.Event(), 0
        self.counts = {"connect": 0, "test": 0, "rotation": 0, "import": 0}
        self.folder = folder

    def run(self, *words):
        p = subprocess.run([self.xrat, "--root", self.root, *words], env=ENV, stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, check=False)
        if p.returncode:
            sys.exit(f"bench: xrat {' '.join(words)} ended with {p.returncode}: {p.stderr[-300:]}")
        return p.stdout

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(120)
            s.connect(f"{self.root}/runtime/daemon.sock")
            s.sendall(request)
            data = b""
            while not data.endswith(b"\n"):
                more = s.recv(65536)
                if not more:
                    sys.exit("bench: the daemon did not answer")
                data += more
        return data

    def ok(self, kind, **fields):
        words = ",".join(f'"{k}":{v}' for k, v in fields.items())
        request = f'{{"protocol_version":1,"request":{{"type":"{kind}"{"," if words else ""}{words}}}}}\n'
        return b'"ok":true' in self.ask(request.encode())

    # --- what keeps it busy ---
    def connect(self):
        n = 0
        while not self.over.is_set():
            n = n % self.nodes + 1
            self.counts["connect"] += self.ok("runtime_connect", config_id=n)
            self.over.wait(self.pause)

    def test(self):
        while not self.over.is_set():
            self.run("test")
            self.counts["test"] += 1

    def imports(self):
        n = 0
        while not self.over.is_set():
            n += 1
            with open(f"{self.folder}/many", "w", encoding="utf-8") as f:
                f.writelines(f"socks://10.{n % 256}.{i // 250}.{i % 250 + 1}:1080#many-{n}-{i}\n" for i in range(IMPORTED))
            self.run("import", f"{self.folder}/many")
            self.counts["import"] += 1

    def rotation(self):
        while not self.over.is_set():
            done = self.ok("runtime_replace", trigger='"timer"')
            self.counts["rotation"] += done
            self.over.wait(self.pause if done else 0.02)  # it was busy

    def end(self):
        self.run("daemon", "stop")
        self.daemon.wait()
        self.server.kill()
        self.server.wait()


def request_of(kind):
    return f'{{"protocol_version":1,"request":{{"type":"{kind}"}}}}\n'.encode()


WORKS = {"connect": "connect", "test": "test", "rotation": "rotation", "import": "imports"}


def measure(place, busy, asked):
    place.over.clear()
    place.pause = 1 if len(busy) > 1 else 0
    before = dict(place.counts)
    threads = [threading.Thread(target=getattr(place, WORKS[name])) for name in busy]
    for t in threads:
        t.start()
    took = {"runtime_status": [], "daemon_ping": []}
    until = time.monotonic() + 60
    while len(took["runtime_status"]) < asked or (any(place.counts[b] == before[b] for b in busy) and time.monotonic() < until):
        for kind, values in took.items():
            begin = time.perf_counter()
            place.ask(request_of(kind))
            values.append((time.perf_counter() - begin) * 1000)
            time.sleep(0.001)
    place.over.set()
    for t in threads:
        t.join()
    return took, {name: place.counts[name] - before[name] for name in busy}


def percentile(values, p):
    return sorted(values)[(len(values) * p + 99) // 100 - 1]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--store", action="store_true")
    p.add_argument("--asked", type=int, default=1000)
    p.add_argument("--nodes", type=int, default=200)
    o = p.parse_args()
    if subprocess.run(["sh", "-c", "command -v microsocks"], stdout=subprocess.DEVNULL, check=False).returncode:
        print("skipped: microsocks is not installed ('tools/deps test' installs it)")
        return 0
    r, quiet, missed = Report(), Quiet(), 0
    r.say(f"answers of the daemon while it works, {o.nodes} nodes, {today()}{commit()}")
    r.say(describe())
    r.say(f"{o.asked} questions or more in each row, milliseconds")
    r.say()
    r.say(f"{'':9} {'median':>7} {'95th':>7} {'longest':>8} {'ping':>7} {'ratio':>6}  meanwhile")
    works = ("connect", "test", "rotation")
    with tempfile.TemporaryDirectory(prefix="xrat-bench.") as folder:
        place = Place(folder, o.nodes)
        place.ok("runtime_connect", config_id=1)
        for name, busy in (("idle", ()), *((w, (w,)) for w in works), ("all", works), ("import", ("import", "connect"))):
            took, did = measure(place, busy, o.asked)
            status, ping = took["runtime_status"], took["daemon_ping"]
            median = statistics.median(status)
            missed += median >= BAR_MS
            r.say(f"{name:9} {median:7.2f} {percentile(status, 95):7.2f} {max(status):8.2f} {statistics.median(ping):7.2f} "
                  f"{median / statistics.median(ping):6.2f}  {', '.join(f'{v} of {k}' for k, v in did.items()) or '-'}"
                  f"{'  missed' if median >= BAR_MS else ''}")
        place.end()
    r.say()
    r.say(f"bar: a median under {BAR_MS} ms in every row; {'missed' if missed else 'kept'}")
    r.say(quiet.line())
    if o.store:
        r.store("daemon")
    return missed != 0


sys.exit(main())
