"""A daemon whose nodes are local SOCKS servers: each leaves from an address of its own, by which pages tell the node."""
import http.server
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

from dbed import Daemon, bed, free_port, get, snake, until

NODES = f"{bed.BUILD}/tests/session_nodes"
ENGINES = ("builtin", "v2ray")
PASSWORD = "change-me-9f2c"


class Page(http.server.BaseHTTPRequestHandler):
    """Says from where it was asked."""

    def do_GET(self):  # pylint: disable=invalid-name
        if self.path.startswith("/slow"):
            time.sleep(1)
        body = self.client_address[0].encode()
        self.send_response(302 if self.path.startswith("/moved") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class PageServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):  # pylint: disable=arguments-differ
        pass


class Web:
    def __init__(self):
        self.server = PageServer(("127.0.0.1", 0), Page)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.1,), daemon=True).start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"


class Node:
    """microsocks that leaves from 127.0.0.N."""

    made = []

    def __init__(self, n):
        self.source, self.port = f"127.0.0.{n}", free_port()
        self.proc = subprocess.Popen(["microsocks", "-i", "127.0.0.1", "-p", str(self.port), "-b", self.source],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.link = f"socks://127.0.0.1:{self.port}#node-{n}"
        Node.made.append(self)

    def end(self):
        self.proc.kill()
        self.proc.wait()


class SecretNode(Node):
    """One that asks for a password (microsocks wants it in a packet of its own, which v2ray does not care for)."""

    def __init__(self, file):  # pylint: disable=super-init-not-called
        self.port = free_port()
        with open(file, "w", encoding="utf-8") as f:
            json.dump({"inbounds": [{"protocol": "socks", "listen": "127.0.0.1", "port": self.port, "settings": {
                "auth": "password", "accounts": [{"user": "user", "pass": PASSWORD}]}}], "outbounds": [{"protocol": "freedom"}]}, f)
        self.proc = subprocess.Popen(["v2ray", "-config", file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        self.link = f"socks://user:{PASSWORD}@127.0.0.1:{self.port}#secret"
        Node.made.append(self)


WEB = None


def web():
    global WEB  # pylint: disable=global-statement
    WEB = WEB or Web()
    return WEB


def through(port, path="/", timeout=5):
    """The page through SOCKS; whose address it was asked from. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        s.settimeout(timeout)
        s.sendall(b"\5\1\0")
        if exactly(s, 2) != b"\5\0":
            raise OSError("the greeting is refused")
        s.sendall(b"\5\1\0\1\x7f\0\0\1" + web().port.to_bytes(2, "big"))
        if exactly(s, 10)[1]:
            raise OSError("the connection is refused")
        # Engines that cannot only look go where Host says.
        s.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{web().port}\r\n\r\n".encode())
        data = b""
        while True:
            more = s.recv(4096)
            if not more:
                break
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise OSError(f"no page: {data[:80]!r}")
    return body.decode()


def exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise OSError("the connection ended early")
        data += more
    return data


def page(port, path="/"):
    try:
        return through(port, path)
    except OSError:
        return None


class Traffic:
    """50 requests a second, each in time, however long the others take."""

    def __init__(self, port, rate=50):
        self.port, self.rate, self.done, self.failed, self.over = port, rate, [], [], False
        self.threads, self.lock = [], threading.Lock()
        self.clock = threading.Thread(target=self.run)
        self.clock.start()

    def one(self):
        begin = time.monotonic()
        try:
            got = through(self.port)
        except OSError as e:
            with self.lock:
                self.failed.append((begin, repr(e)))
            return
        with self.lock:
            self.done.append((begin, got))

    def run(self):
        begin, n = time.monotonic(), 0
        while not self.over:
            t = threading.Thread(target=self.one)
            t.start()
            self.threads.append(t)
            n += 1
            time.sleep(max(0, begin + n / self.rate - time.monotonic()))

    def count(self):
        with self.lock:
            return len(self.done) + len(self.failed)

    def more(self, n):
        """Until so many more were asked."""
        wanted = self.count() + n
        return until(30, lambda: self.count() >= wanted)

    def end(self):
        self.over = True
        self.clock.join()
        for t in self.threads:
            t.join()
        return len(self.done), self.failed


class Sessions(Daemon):
    """A daemon with nodes 1, 2, … of the given links."""

    def __init__(self, path, engine, links, more="", runtime="", rotation=""):
        self.engine, self.extra, self.rotation, self.runtime = engine, more, rotation, runtime
        super().__init__(path)
        self.configure()
        self.db, self.log_dir = f"{path}/xrat.db", f"{path}/logs"
        if links:
            subprocess.run([NODES, self.db, *links], check=True, stdout=subprocess.DEVNULL)

    def configure(self, port=None):
        with open(f"{self.root}/config.toml", "w", encoding="utf-8") as f:
            f.write(f"[runtime]\nengine = \"{self.engine}\"\n{self.runtime}\n[runtime.socks]\nport = {port or self.port}\n"
                    f"[runtime.rotation]\nprobe_url = \"{web().url()}\"\n{self.rotation}\n{self.extra}")

    # --- questions ---
    def connect_node(self, n, **more):
        return self.ask(snake("runtime_connect", config_id=n), timeout=60, **more)

    def disconnect(self):
        return self.ask(snake("runtime_disconnect"), timeout=30)

    def status(self):
        return self.ask(snake("runtime_status"))["payload"]

    def is_in(self, word):
        return until(15, lambda: self.status()["runtime_status"] == word)

    # --- rotation ---
    def proxy(self):
        return self.ask(snake("proxy_status"))["payload"]

    def replace(self, trigger="manual", **more):
        return self.ask(snake("runtime_replace", trigger=trigger, **more), timeout=60)

    def tested(self, *ids, ms=10, ago=0):
        """As if `test` had found them good so many seconds ago."""
        now = int(time.time() * 1000) - ago * 1000
        self.sql("INSERT INTO connection_test_runs (kind, created_at) VALUES ('test', ?)", now)
        for n in ids:
            self.sql("INSERT INTO connection_tests (run_id, config_id, attempt, tcp_ok, tcp_ms, real_delay_ok, real_delay_ms, tested_at)"
                     " VALUES ((SELECT max(id) FROM connection_test_runs), ?, 1, 1, 1, 1, ?, ?)", n, ms * n, now)

    def cools(self, n):
        rows = self.sql("SELECT * FROM cooldowns WHERE config_id = ?", n)
        return rows[0] if rows else None

    # --- the store ---
    def sql(self, text, *args):
        con = sqlite3.connect(self.db, timeout=20)
        con.row_factory = sqlite3.Row
        try:
            with con:
                return [dict(r) for r in con.execute(text, args)]
        finally:
            con.close()

    def rows(self):
        return self.sql("SELECT * FROM runtime_sessions ORDER BY id")

    def row(self, n):
        return self.sql("SELECT * FROM runtime_sessions WHERE id = ?", n)[0]

    def events(self):
        return [e["kind"] for e in self.sql("SELECT kind FROM events ORDER BY id")]

    # --- processes ---
    def marked(self):
        """pid -> the file, of every engine of this root: those of sessions, of proofs and of tests."""
        found, front, end = {}, f"{self.root}/runtime/".encode(), f"@{self.root}".encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                args = get(f"/proc/{pid}/cmdline") or b""
                env, stat = (get(f"/proc/{pid}/{n}") or b"" for n in ("environ", "stat")) if front in args else (b"", b"")
            except OSError:
                continue
            if b") Z" not in stat and any(v.startswith(b"XRAT_ENGINE=") and v.endswith(end) for v in env.split(b"\0")):
                found[int(pid)] = [a.decode() for a in args.split(b"\0") if a.startswith(front)]
        return found

    def engines(self):
        """pid -> the session's file, of every engine that bears our mark."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                args, env, stat = (get(f"/proc/{pid}/{n}") or b"" for n in ("cmdline", "environ", "stat"))
            except OSError:
                continue
            if f"@{self.root}".encode() in env and b"XRAT_ENGINE=session-" in env and b") Z" not in stat:
                found[int(pid)] = [a.decode() for a in args.split(b"\0") if a.endswith(b".json")]
        return found

    def kill(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()

    def close(self):
        code = self.end()
        for pid in self.engines():
            os.kill(pid, signal.SIGKILL)
        return code


class Stranger:
    """A process with these arguments that writes down every signal it is sent."""

    def __init__(self, *args, env=None):
        script = ("import signal,sys\n"
                  "for n in (signal.SIGTERM,signal.SIGHUP,signal.SIGINT,signal.SIGCONT):\n"
                  " signal.signal(n, lambda n,_: print('signal', n, flush=True))\n"
                  "print('ready', flush=True)\nwhile True: signal.pause()\n")
        self.proc = subprocess.Popen([sys.executable, "-c", script, *args], stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        self.proc.stdout.readline()

    def ticks(self):
        return int((get(f"/proc/{self.proc.pid}/stat") or b"").rsplit(b")", 1)[1].split()[19])

    def exe(self):
        return os.stat(f"/proc/{self.proc.pid}/exe")

    def unharmed(self):
        """Ends it; whether it was there and untouched until then."""
        was_there = self.proc.poll() is None
        self.proc.kill()
        return was_there and not self.proc.communicate()[0]


def lacking():
    """What the tests need and is not here."""
    return [p for p in ("microsocks", "v2ray") if not shutil.which(p)]
