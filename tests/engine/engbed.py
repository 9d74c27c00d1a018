"""An engine with a configuration of its own, servers for it to reach, and a SOCKS client: one Bed a test."""
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, f"{TOP}/tests")
from common import LIMIT, PORTS, Failed, until  # noqa: E402

VARIANT = os.environ.get("VARIANT", "release")
XRAT = os.environ.get("XRAT", f"{TOP}/build/xrat" if VARIANT == "release" else f"{TOP}/build/{VARIANT}/xrat")
ENGINE = os.path.join(os.path.dirname(XRAT), "libexec", "xrat-engine")
ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent", "TZ": "UTC"}
ENV.update({k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")})
SANITIZED = VARIANT == "asan"


class Skip(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


FREEDOM = {"tag": "direct", "protocol": "freedom"}


def pattern(n, seed=1):
    """n bytes that repeat only after a prime number of bytes, so that a byte that is lost or doubled shows."""
    block = random.Random(seed).randbytes(65521)
    return (block * (n // len(block) + 1))[:n]


def recv_exact(s, n):
    got = bytearray()
    while len(got) < n:
        more = s.recv(min(n - len(got), 1 << 20))
        if not more:
            raise Failed(f"the connection ended after {len(got)} of {n} bytes")
        got += more
    return bytes(got)


def recv_all(s):
    got = bytearray()
    while True:
        more = s.recv(1 << 20)
        if not more:
            return bytes(got)
        got += more


class Server:
    """A TCP server on 127.0.0.1; serve(connection) runs in a thread for each."""

    def __init__(self, serve, backlog=256):
        self.serve, self.open = serve, []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            c.settimeout(LIMIT)
            self.open.append(c)
            threading.Thread(target=self._one, args=(c,), daemon=True).start()

    def _one(self, c):
        try:
            self.serve(c)
        except (OSError, Failed):
            pass
        finally:
            c.close()

    def close(self):
        self.socket.close()
        for c in self.open:
            c.close()


def echo(c):
    while True:
        more = c.recv(65536)
        if not more:
            return
        c.sendall(more)


class Bed:
    def __init__(self, name, scratch):
        self.name, self.dir = name, f"{scratch}/{name}"
        os.mkdir(self.dir)
        self.file, self.control = f"{self.dir}/xray.json", f"{self.dir}/control"
        self.log, self.access = f"{self.dir}/error.log", f"{self.dir}/access.log"
        self.port = PORTS.one()
        self.things, self.process, self.other_processes = [], None, []
        self.notify = None

    # --- the engine ---
    def config(self, **more):
        c = {"log": {"loglevel": "debug", "access": self.access, "error": self.log},
             "inbounds": [{"tag": "in", "listen": "127.0.0.1", "port": self.port, "protocol": "socks"}],
             "outbounds": [FREEDOM, {"tag": "block", "protocol": "blackhole"}]}
        c.update(more)
        return c

    def put(self, config):
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        with open(self.file + "~", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(self.file + "~", self.file)

    def command(self, *words):
        return subprocess.run([XRAT, "engine", *words], env=ENV, capture_output=True, text=True, timeout=LIMIT, check=False)

    def start(self, config=None, *options, env=None, wait=True, preexec=None, wrap=(), outputs=None):
        self.put(config or self.config())
        if SANITIZED:  # the leak checker needs calls that the filter refuses
            options += ("--no-seccomp",)
        out, err = outputs or (open(f"{self.dir}/out", "ab"), open(f"{self.dir}/err", "ab"))
        p = subprocess.Popen([*wrap, ENGINE, "run", "-c", self.file, "--control", self.control, *options],
                             env={**ENV, **(env or {})}, stdout=out, stderr=err, preexec_fn=preexec)
        if self.process:
            self.other_processes.append(p)
        else:
            self.process = p
        if wait:
            until(lambda: self.is_up(p), "the engine's control socket")
        return p

    def is_up(self, p):
        check(p.poll() is None, f"the engine ended with {p.poll()}: {self.said()}")
        try:
            self.ask("status")
            return True
        except OSError:
            return False

    def said(self):
        return "".join(open(f, errors="replace").read()[-6000:] for f in (f"{self.dir}/err", self.log) if os.path.exists(f))

    def stop(self, expect=0):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(LIMIT)
        check(code == expect, f"the engine ended with {code}: {self.said()}")

    def end(self):
        """Stops what still runs with all its connections; nothing may have been forgotten (leaks, with a sanitizer)."""
        for p in [self.process, *self.other_processes]:
            if p and p.poll() is None:
                p.send_signal(signal.SIGTERM)
                p.send_signal(signal.SIGINT)
                check(p.wait(LIMIT) == 0, f"the engine ended with {p.returncode}: {self.said()}")

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT)
            s.connect(self.control)
            s.sendall(json.dumps({"command": command}).encode() + b"\n")
            line = b""
            while not line.endswith(b"\n"):
                more = s.recv(65536)
                if not more:
                    raise OSError("closed without an answer")
                line += more
        return json.loads(line)

    def stats(self):
        return self.ask("stats")["result"]

    def reload(self, config, ok=True):
        self.put(config)
        answer = self.ask("reload")
        check(answer["ok"] == ok, f"reload: {answer}")
        return answer

    def lines(self, path):
        try:
            return open(path, encoding="utf-8").read().splitlines()
        except FileNotFoundError:
            return []

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    # --- clients and servers ---
    def server(self, serve):
        s = Server(serve)
        self.things.append(s)
        return s

    def client(self, address=None):
        s = socket.socket(socket.AF_UNIX if isinstance(address, (str, bytes)) else socket.AF_INET)
        self.things.append(s)
        s.settimeout(LIMIT)
        s.connect(address or ("127.0.0.1", self.port))
        return s

    def socks(self, port, host="127.0.0.1", address=None, code=0):
        """A connection to host:port through the engine; code is what the reply must say."""
        s = self.client(address)
        s.sendall(b"\5\1\0")
        check(recv_exact(s, 2) == b"\5\0", "the method")
        try:
            where = b"\1" + socket.inet_aton(host)
        except OSError:
            where = b"\3" + bytes([len(host)]) + host.encode()
        s.sendall(b"\5\1\0" + where + struct.pack(">H", port))
        reply = recv_exact(s, 10)
        check(reply[1] == code, f"reply {reply[1]} instead of {code}")
        return s

    def listen_notify(self):
        """Stands for who started the engine; returns its environment."""
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(f"{self.dir}/notify")
        self.notify.settimeout(LIMIT)
        self.things.append(self.notify)
        return {"NOTIFY_SOCKET": f"{self.dir}/notify"}

    def told(self):
        return dict(line.split("=", 1) for line in self.notify.recv(4096).decode().splitlines())

    def clean(self):
        for p in [self.process, *self.other_processes]:
            if p and p.poll() is None:
                p.kill()
                p.wait()
        for t in self.things:
            t.close()
        shutil.rmtree(self.dir, ignore_errors=True)
