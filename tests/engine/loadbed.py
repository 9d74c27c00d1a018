"""What the load cases share: programs that make load, and figures of the engine's process."""
import json
import os
import socket
import statistics
import subprocess
import time

from engbed import LIMIT, TOP, VARIANT, Bed, Failed, Skip, check, recv_exact, until

PROGRAMS = f"{TOP}/build/{VARIANT}/tests"
FULL = os.environ.get("XRAT_TEST_FULL", "") not in ("", "0")
FAULTS = ("refused", "reset", "ended", "code", "wrong", "stuck", "lost")


def figure(what, text):
    print(f"figure: {what}: {text}", flush=True)


class LoadBed(Bed):
    def __init__(self, name, scratch):
        super().__init__(name, scratch)
        self.helpers = []

    def program(self, name, *words, **more):
        """A helper of tests/programs whose standard input and output are ours."""
        p = subprocess.Popen([f"{PROGRAMS}/{name}", *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=open(f"{self.dir}/{name}.err", "ab"), text=True, bufsize=1, **more)
        self.helpers.append(p)
        return p


    def peer(self):
        """(TCP port, UDP port) that echo."""
        return tuple(map(int, self.program("engine_peer").stdout.readline().split()))

    def load(self, tcp, udp, ms, short=0, streams=0, datagram=0, pause=0, port=None):
        return self.program("engine_load", port or self.port, tcp, udp, ms, short, streams, datagram, pause)

    def result(self, p):
        """What a finished engine_load has counted."""
        text = p.stdout.read()
        check(p.wait() == 0 and text, f"engine_load ended with {p.returncode}: {self.helper_said('engine_load')}")
        return json.loads(text)

    def no_faults(self, counts):
        bad = {k: counts[k] for k in FAULTS if counts[k]}
        check(not bad, f"{bad} of {counts}: {self.helper_said('engine_load')} {self.said()[-1500:]}")

    def helper_said(self, name):
        return "; ".join(self.lines(f"{self.dir}/{name}.err")[:10])

    def hold(self, kind, port, n):
        """n connections or associations that answer; the process that has them."""
        p = self.program("engine_hold", kind, self.port, port, n)
        check(p.stdout.readline().split() == ["ready", str(n), "bad", "0"], f"not all of {n} came through: {self.said()[-1500:]}")
        return p

    def ask_held(self, p):
        p.stdin.write("\n")
        p.stdin.flush()
        words = p.stdout.readline().split()
        return int(words[1]), int(words[3])

    def let_go(self, p):
        p.stdin.close()
        p.wait()

    # --- figures ---
    def rss(self):
        """RssAnon in kB."""
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("RssAnon"):
                return int(line.split()[1])
        return 0

    def fds(self):
        """Descriptors, and how many of them are pipes: a few of those are kept for the next long transfer."""
        where = f"/proc/{self.process.pid}/fd"
        pipes = others = 0
        for fd in os.listdir(where):
            try:
                is_pipe = os.readlink(f"{where}/{fd}").startswith("pipe:")
            except OSError:
                continue
            pipes, others = pipes + is_pipe, others + (not is_pipe)
        return others, pipes

    def quiet(self, flows=0):
        until(lambda: self.stats()["flows"] == flows, f"{flows} flows to be left")

    def settled_fds(self, want=None, limit=LIMIT):
        """Once the last client of the control socket is gone, too. want: what those that are no pipes must come to."""
        end, last, same = time.monotonic() + limit, None, 0
        while same < 10 or (want is not None and last[0] != want):
            check(time.monotonic() < end, f"descriptors are {last} (the second: pipes) and do not come back to {want}")
            time.sleep(0.02)
            now = self.fds()
            last, same = now, same + 1 if now == last else 0
        return last

    def calls(self, trace, name):
        """How often a system call stands in a trace so far."""
        with open(trace, errors="replace") as f:
            return sum(f" {name}(" in line or f"] {name}(" in line for line in f)

    def clean(self):
        for p in self.helpers:
            if p.poll() is None:
                p.kill()
                p.wait()
            for f in (p.stdin, p.stdout):
                try:
                    f.close()
                except (OSError, ValueError):
                    pass
        super().clean()


def slope(samples):
    """Least squares, a minute, of (seconds, value)."""
    mean_x, mean_y = (statistics.mean(s[i] for s in samples) for i in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread if spread else 0.0


def socks_try(address, port, host="127.0.0.1", limit=30, family=socket.AF_INET):
    """(reply code, connection); code -1: it was closed without a reply."""
    s = socket.socket(family)
    s.settimeout(limit)
    s.connect(address)
    try:
        s.sendall(b"\5\1\0")
        check(recv_exact(s, 2) == b"\5\0", "the method")
        s.sendall(b"\5\1\0\1" + socket.inet_aton(host) + port.to_bytes(2, "big"))
        return recv_exact(s, 10)[1], s
    except (Failed, ConnectionError):
        return -1, s


def in_namespace(b, *words):
    """Runs loadns.py as root of namespaces of its own (network, mounts)."""
    if subprocess.run(["unshare", "-Urnm", "true"], capture_output=True, check=False).returncode:
        raise Skip(f"{words[0]}: no namespaces here")
    p = subprocess.run(["unshare", "-Urnm", "python3", f"{TOP}/tests/engine/loadns.py", b.dir, *words], capture_output=True,
                       text=True, timeout=120, check=False)
    if p.returncode == 77:
        raise Skip(p.stdout.strip().splitlines()[-1])
    for line in p.stdout.splitlines():
        if line.startswith("figure:"):
            print(line, flush=True)
    check(p.returncode == 0, p.stdout + p.stderr)
