"""A CONFIG_ROOT with a service and the fake engine, for the tests of the service as a whole.

The engine of a root is a copy of tests/programs/fake_engine.c. What it does is chosen by tags of outbounds in the
configuration, or by the file ENGINE.behave, which no generation carries."""
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import PORTS  # noqa: E402  # pylint: disable=wrong-import-position

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VARIANT = os.environ.get("VARIANT", "release")
BUILD = f"{TOP}/build/{VARIANT}"
XRAT = os.environ.get("XRAT", f"{TOP}/build/xrat" if VARIANT == "release" else f"{BUILD}/xrat")
FAKE = os.environ.get("FAKE_ENGINE", f"{BUILD}/tests/fake_engine")
ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent"}
ENV.update({k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")})
SLOW = float(os.environ.get("SLOW", "1"))  # more patience where everything is slower (valgrind)

TOML = """# {note}
[client]
allow_direct = true
[client.xray.inbounds.socks]
port = {port}
[client.xray.inbounds.dokodemo]
enabled = false
[client.xray.logs.api]
enabled = false
{more}"""
SERVER_TOML = """[server]
{more}
[server.xray.inbounds.socks]
port = {port}
[server.xray.inbounds.dokodemo]
enabled = false
[server.xray.logs.api]
enabled = false
"""
MACHINE = """[runtime]
engine = "v2ray"
engine_version = "4.34"
[paths]
v2ray = "{engine}"
[apply]
settle_ms = {settle}
prove_seconds = {prove}
{more}"""


def put(path, text):
    """As an editor does it that renames."""
    with open(path + "~", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + "~", path)


def get(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def get_json(path):
    data = get(path)
    return json.loads(data) if data else {}


def until(seconds, fn, pause=0.01):
    """Polls; the first true value of fn, or its last one."""
    end = time.monotonic() + seconds * SLOW
    while True:
        got = fn()
        if got or time.monotonic() >= end:
            return got
        time.sleep(pause)


def free_port():
    return PORTS.one()


def answers(port):
    """Whether a SOCKS engine greets there."""
    try:
        with socket.create_connection(("127.0.0.1", port), 3) as s:
            s.settimeout(3)
            s.sendall(b"\5\1\0")
            return s.recv(2) == b"\5\0"
    except OSError:
        return False


def outbounds(*behaviours, tags=()):
    """The text of a snippet that makes the engine behave so."""
    names = [f"fake: {b}" for b in behaviours] + list(tags)
    return json.dumps({"outbounds": [{"tag": n, "protocol": "freedom", "settings": {}} for n in names]}) + "\n"


def process_of(root):
    """Every live process that has this root in its arguments or its environment: pid -> arguments."""
    found, needle = {}, root.encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            args, env, stat = (get(f"/proc/{pid}/{n}") or b"" for n in ("cmdline", "environ", "stat"))
        except OSError:
            continue
        if int(pid) != os.getpid() and (needle in args or needle in env) and b") Z" not in stat:
            found[int(pid)] = args.split(b"\0")
    return found


BEDS = []


class Bed:
    def __init__(self, path, settle=0, prove=0, port=None):
        self.root, self.port, self.proc, self.log_at = path, port or free_port(), None, 0
        self.engine, self.log = f"{path}.engine", f"{path}.stderr"
        self.settle, self.prove, self.more = settle, prove, ""
        BEDS.append(self)
        os.makedirs(f"{path}/config-client")
        os.link(FAKE, self.engine) if self._same_disk(path) else shutil.copy(FAKE, self.engine)
        open(self.log, "wb").close()
        self.machine()

    @staticmethod
    def _same_disk(_path):
        return False  # a copy: a test may change its times

    # --- inputs ---
    def machine(self, **new):
        self.__dict__.update(new)
        put(f"{self.root}/config.toml", MACHINE.format(engine=self.engine, settle=self.settle, prove=self.prove,
                                                      more=self.more))

    def toml(self, note="", port=None, more="", role="client"):
        text = (TOML if role == "client" else SERVER_TOML).format(note=note, port=port or self.port, more=more)
        put(f"{self.root}/xp2p-{role}.toml", text)

    def snippet(self, *behaviours, tags=(), role="client"):
        put(f"{self.root}/config-{role}/outbounds.append.json", outbounds(*behaviours, tags=tags))

    # --- the service ---
    def start(self, *words, env=None, wrap=()):
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen([*wrap, XRAT, "--root", self.root, *words, "watch"], env={**ENV, **(env or {})},
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self.proc.pid

    def signal(self, number):
        self.proc.send_signal(number)

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def stop(self, seconds=20):
        """The exit code, None when it did not end."""
        if self.proc.poll() is None:
            self.proc.terminate()
        try:
            return self.proc.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def end(self):
        """Whatever is left of this bed goes away; the pids that were left over besides a stopped service."""
        if self.proc:
            self.stop()
        left = self.engines()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return left

    def xrat(self, *words, timeout=60):
        p = subprocess.run([XRAT, "--root", self.root, *words], env=ENV, stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=timeout * SLOW, check=False)
        return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")

    def begin(self, *words):
        return subprocess.Popen([XRAT, "--root", self.root, *words], env=ENV, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    # --- what is seen ---
    def stderr(self, mark=0):
        return (get(self.log) or b"")[mark:].decode(errors="replace")

    def mark(self):
        return os.path.getsize(self.log)

    def link(self, kind="live", role="client"):
        try:
            return int(os.path.basename(os.readlink(f"{self.root}/.state/{kind}/config-{role}")))
        except FileNotFoundError:
            return 0

    def live_bytes(self, role="client"):
        return get(f"{self.root}/.state/live/config-{role}/xray.json")

    def status(self, role="client"):
        return get_json(f"{self.root}/.state/status-{role}.json")

    def engine_state(self, role="client"):
        e = self.status(role).get("engine", {})
        return e.get("state"), e.get("generation")

    def error(self, role="client"):
        return get_json(f"{self.root}/.state/apply.error").get("failures", {}).get(role) or {}

    def audit(self):
        lines = []
        for name in [f"audit.log.{n}" for n in range(9, 0, -1)] + ["audit.log"]:
            lines += (get(f"{self.root}/{name}") or b"").splitlines()
        return [json.loads(line) for line in lines]

    def switches(self):
        return sum(1 for line in self.audit() if line.get("phase") == "end" and line.get("result") != "aborted")

    def engines(self):
        """Pids of engines, of whatever generation."""
        return [p for p, args in process_of(self.root).items()
                if args and args[0].startswith(self.engine.encode()) and b"-test" not in args]

    def digests(self, role="client"):
        """What status may call the digest of what is desired now: SHA-256 over the sorted paths and contents with their
        lengths; the snippets are not read where the TOML does not say where they are."""
        names = [f"xp2p-{role}.toml", "config.toml"]
        snippets = [f"config-{role}/{n}" for n in os.listdir(f"{self.root}/config-{role}") if not n.endswith("~")]
        return {self._digest(names), self._digest(names + snippets)}

    def _digest(self, names):
        framed = b""
        for name in sorted(names):
            data = get(f"{self.root}/{name}")
            if data is not None:
                framed += b"".join(len(x).to_bytes(8, "little") + x for x in (name.encode(), data))
        return hashlib.sha256(framed).hexdigest()

    def desired(self, role="client"):
        code, out, _ = self.xrat("--role", role, "render", "xray", "--desired")
        return out.encode() if code == 0 else None

    # --- waiting ---
    def serving(self, generation, role="client", port=None, seconds=10):
        """Until this generation is live, its engine runs and answers."""
        return until(seconds, lambda: self.link(role=role) == generation and
                     self.engine_state(role) == ("running", generation) and answers(port or self.port))

    def proved(self, generation, seconds=10, **more):
        return self.serving(generation, seconds=seconds, **more) and \
            until(seconds, lambda: self.link("lkg", more.get("role", "client")) == generation and
                  self.status(more.get("role", "client")).get("last_known_good", {}).get("generation") == generation)

    def good(self, **more):
        """A first good generation, proved; the service runs."""
        self.toml(**more)
        self.start()
        return self.proved(1)


class Tally:
    """Counts checks; threads may share one."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped, self.lock = name, 0, 0, 0, threading.Lock()

    def expect(self, what, ok, *details):
        with self.lock:
            if ok:
                self.passed += 1
            else:
                self.failed += 1
                print("FAIL", what, *(str(d)[-1500:] for d in details), flush=True)
        return ok

    def skip(self, what):
        with self.lock:
            self.skipped += 1
            print(f"skipped: {what}", flush=True)

    def finish(self):
        print(f"{self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        raise SystemExit(1 if self.failed else 0)


def only_line(text, *needles):
    return any(all(n in line for n in needles) for line in text.splitlines())


RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
