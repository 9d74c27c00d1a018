"""A supervisor driven by lines (sup_drive), with its fake engine, ports and scratch directory: one Case a test."""
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import LIMIT, PORTS, Failed, until  # noqa: E402

QUICK = {"ready_ms": 1500, "poll_ms": 50, "alive_ms": 300, "probe_ms": 400, "term_ms": 700, "backoff_first_ms": 100,
         "backoff_max_ms": 600, "healthy_reset_ms": 2000, "reload_ms": 700, "log_ms": 100}


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as f:
            return f.read()
    except OSError:
        return b""


class Driver:
    def __init__(self, case, times, prefix=(), exe=None):
        words = [f"{k}={v}" for k, v in {**QUICK, **times}.items()]
        env = dict(os.environ, XRAT_TEST_SECRET="change-me", XRAT_TEST_NAMED="named", XRAY_LOCATION_CONFDIR="/nowhere")
        self.events, self.news = [], threading.Condition()
        self.read = 0
        self.process = subprocess.Popen(
            [*prefix, case.drive, exe or case.exe, case.dir, case.logs, "client", *words], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1, env=env, pass_fds=case.leaky, restore_signals=False,
            stderr=open(case.dir + "/driver.err", "a"))
        self.pid = self.process.pid
        threading.Thread(target=self._reader, daemon=True).start()

    def _reader(self):
        for line in self.process.stdout:
            with self.news:
                self.events.append(json.loads(line))
                self.news.notify_all()
        with self.news:
            self.events.append({"kind": "end"})
            self.news.notify_all()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def next(self, what, limit=LIMIT, skip=()):
        """The next event; those of the kinds in skip are passed over."""
        end = time.monotonic() + limit
        with self.news:
            while True:
                while self.read < len(self.events):
                    event = self.events[self.read]
                    self.read += 1
                    if event["kind"] not in skip:
                        return event
                left = end - time.monotonic()
                if left <= 0 or not self.news.wait(left):
                    raise Failed(f"waited {limit} s for {what}; got {self.summary()}")

    def state(self, *states, skip=("view", "proved")):
        """The next reports must be these states; returns the last."""
        event = None
        for state in states:
            event = self.next(f"state {state}", skip=skip)
            if event["kind"] != "state" or event["state"] != state:
                raise Failed(f"expected state {state}, got {event}; all: {self.summary()}")
        return event

    def kind(self, kind, skip=("view",)):
        event = self.next(kind, skip=skip)
        if event["kind"] != kind:
            raise Failed(f"expected {kind}, got {event}; all: {self.summary()}")
        return event

    def seek(self, kind):
        while True:
            event = self.next(kind)
            if event["kind"] == kind:
                return event
            if event["kind"] == "end":
                raise Failed(f"the driver ended before {kind}: {self.summary()}")

    def view(self):
        """Asks; reports that came before stay unread."""
        with self.news:
            begin = len(self.events)
        self.tell("view")

        def found():
            with self.news:
                return next((e for e in self.events[begin:] if e["kind"] in ("view", "end")), None)
        event = until(found, "view")
        if event["kind"] == "end":
            raise Failed(f"the driver ended: {self.summary()}")
        return event

    def quiet(self, seconds):
        """Nothing is reported for this long."""
        end = time.monotonic() + seconds
        with self.news:
            begin = len([e for e in self.events if e["kind"] != "view"])
            while time.monotonic() < end:
                self.news.wait(max(0.0, end - time.monotonic()))
                if len([e for e in self.events if e["kind"] != "view"]) != begin:
                    raise Failed(f"reports came, none were expected: {self.summary()}")

    def summary(self):
        return " ".join(f"{e['kind']}:{e.get('state', '')}" + (f"({e['reason']})" if e.get("reason") else "")
                        for e in self.events)

    def close(self):
        """Ends the driver in good order; the engine stays."""
        if self.process.poll() is None:
            try:
                self.process.stdin.close()
            except OSError:
                pass
            try:
                self.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise Failed("the driver does not end") from None
        return self.process.returncode


class Case:
    def __init__(self, name, drive, fake, scratch):
        self.name, self.drive = name, drive
        self.dir = os.path.join(scratch, name)
        os.mkdir(self.dir)
        self.exe = os.path.join(self.dir, "xray")
        shutil.copy(fake, self.exe)
        self.logs = os.path.join(self.dir, "logs")
        self.port = PORTS.one()
        self.leaky = ()
        self.drivers = []
        self.generation = 0

    def config(self, *fake, port=None, name=None, protocol="socks", **more):
        path = os.path.join(self.dir, name or f"c{self.generation}.json")
        inbound = {"tag": "in", "protocol": protocol, "listen": "127.0.0.1", "port": port or self.port, **more}
        with open(path, "w") as f:
            json.dump({"inbounds": [inbound], "fake": list(fake)}, f)
        return path

    def driver(self, prefix=(), exe=None, **times):
        d = Driver(self, times, prefix, exe)
        self.drivers.append(d)
        return d

    def run(self, driver, *fake, words="", path=None, **more):
        self.generation += 1
        path = path or self.config(*fake, **more)
        driver.tell(f"run file={path} generation={self.generation} {words}")
        return path

    def log(self, which="err", older=False):
        return os.path.join(self.logs, f"engine-client.{which}.log" + (".1" if older else ""))

    def left(self):
        """Engines of this case and what they started: by the mark, or (it may not be readable) by their arguments."""
        mark, place = f"XRAT_ENGINE=client@{self.dir}".encode(), self.dir.encode() + b"/"
        drivers = [d.pid for d in self.drivers]
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
                if pid not in drivers and alive(pid) and (mark in read(pid, "environ").split(b"\0") or
                                                          place in read(pid, "cmdline"))]

    def clean(self):
        for d in self.drivers:
            if d.process.poll() is None:
                d.process.kill()
                d.process.wait()
        for pid in self.left():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
