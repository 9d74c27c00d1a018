"""A CONFIG_ROOT with a daemon, and a client that speaks to its socket byte by byte."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "service"))
import bed  # noqa: E402  # pylint: disable=wrong-import-position
from bed import ENV, SLOW, TOP, VARIANT, XRAT, Bed, Tally, free_port, get, put, until  # noqa: E402,F401  # pylint: disable=wrong-import-position,unused-import

with open(f"{TOP}/schemas/ipc.schema.json", encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)


def pascal(kind, payload=None):
    request = {"type": kind}
    if payload is not None:
        request["payload"] = payload
    return {"protocol_version": 1, "request": request}


def snake(kind, **fields):
    return {"protocol_version": 1, "request": {"type": kind, **fields}}


class Daemon:
    """One root. Its runtime listeners stand on ports of its own."""

    def __init__(self, path, more=""):
        self.root, self.proc, self.log = path, None, f"{path}.stderr"
        self.port = free_port()
        os.makedirs(path, exist_ok=True)
        put(f"{path}/config.toml", f"[runtime.socks]\nport = {self.port}\n{more}")
        open(self.log, "ab").close()

    # --- the process ---
    def run(self, *words, env=None, wrap=(), fds=()):
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen([*wrap, XRAT, "--root", self.root, *words, "daemon", "run-server"],
                                         env={**ENV, **(env or {})}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         pass_fds=fds)
        return self

    def up(self, *words, **more):
        self.run(*words, **more)
        return until(15, self.ping)

    def end(self, seconds=30):
        """The exit code; None when it had to be killed."""
        if self.proc is None:
            return 0
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        try:
            return self.proc.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            return None

    def stderr(self):
        return (get(self.log) or b"").decode(errors="replace")

    def xrat(self, *words, timeout=60, env=None, **more):
        p = subprocess.run([XRAT, "--root", self.root, *words], env={**ENV, **(env or {})}, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=timeout * SLOW, check=False, **more)
        return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")

    # --- the socket ---
    def connect(self, timeout=10):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout * SLOW)
        fd = os.open(f"{self.root}/runtime", os.O_DIRECTORY)
        try:
            while True:
                try:
                    s.connect(f"/proc/self/fd/{fd}/daemon.sock")
                    break
                except BlockingIOError:  # its queue is full for a moment
                    time.sleep(0.001)
        except OSError:
            s.close()
            raise
        finally:
            os.close(fd)
        return s

    def raw(self, data, end=False, timeout=10):
        """What comes back for these bytes; end: half-close behind them."""
        with self.connect(timeout) as s:
            try:
                s.sendall(data)
                if end:
                    s.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return receive(s)

    def ask(self, request, timeout=10):
        return json.loads(self.raw(json.dumps(request).encode() + b"\n", timeout=timeout))

    def ping(self):
        """The payload, None when nobody answers."""
        try:
            reply = self.ask(snake("daemon_ping"))
        except (OSError, ValueError):
            return None
        return reply["payload"]

    def fds(self):
        return len(os.listdir(f"/proc/{self.proc.pid}/fd"))


def receive(s):
    data = b""
    try:
        while not data.endswith(b"\n"):
            more = s.recv(65536)
            if not more:
                break
            data += more
    except (ConnectionResetError, TimeoutError):
        pass
    return data


def seconds_of(fn):
    begin = time.monotonic()
    got = fn()
    return time.monotonic() - begin, got
