"""Other people's programs on either side of the engine, and the pump that sends and checks bytes through them."""
import json
import os
import shutil
import socket
import subprocess
import threading

from engbed import FREEDOM, LIMIT, PORTS, SANITIZED, Failed, Skip, check, until

PUMP = os.environ.get("TEST_PUMP", "")
COMMANDS = {"v2ray": os.environ.get("TEST_V2RAY", "").split(), "xray": os.environ.get("TEST_XRAY", "").split()}
RUN = {"v2ray": ["-config"], "xray": ["run", "-c"]}
ABSENT = {"v2ray": "v2ray is not installed", "xray": "no Xray here (PATH, XRAT_TEST_XRAY, or tools/deps xray)"}
PEERS = tuple(COMMANDS)
BIG = (64 if SANITIZED else 100) << 20
BIGGEST = (256 if SANITIZED else 1024) << 20
SIZES = (1, 2, 1024, 65535, 65536, 65537, 1 << 20)
COUNT, SHUT, UP_FIRST, DOWN_FIRST, UP_RESET, DOWN_RESET = range(6)  # as in tests/programs/pump.c
USER, PASSWORD = "user", "change-me"
COUNTED = {"conversations": 0, "bytes": 0, "datagrams": 0}  # all cases together
COUNTING = threading.Lock()
LOGIN = f"{USER}:{PASSWORD}"
ACCOUNTS = [{"user": USER, "pass": PASSWORD}]


class Process:
    """A program that is ended with the bed."""

    def __init__(self, b, words, name, stdin=subprocess.DEVNULL, stdout=None):
        self.log = f"{b.dir}/{name}.log"
        self.process = subprocess.Popen(words, stdin=stdin, stdout=stdout or open(self.log, "ab"), stderr=open(self.log, "ab"))
        b.things.append(self)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for f in (self.process.stdin, self.process.stdout):
            if f:
                f.close()

    def wait_for(self, port):
        def is_up():
            check(self.process.poll() is None, f"it ended with {self.process.returncode}: {open(self.log, errors='replace').read()[-2000:]}")
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        until(is_up, f"port {port} of {self.log}")


def start_peer(b, kind, inbounds, outbounds, **more):
    """v2ray or xray with that configuration; the first inbound that is no UDP-only one tells when it is up."""
    if not COMMANDS[kind]:
        raise Skip(f"{b.name}: {ABSENT[kind]}")
    path = f"{b.dir}/{kind}-{len(b.things)}.json"
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"log": {"loglevel": "warning"}, "inbounds": inbounds, "outbounds": outbounds, **more}, f)
    p = Process(b, [*COMMANDS[kind], *RUN[kind], path], kind)
    for i in inbounds:
        if "tcp" in i.get("settings", {}).get("network", "tcp"):
            p.wait_for(i["port"])
    return p


def start_microsocks(b, *options):
    program = shutil.which("microsocks")
    if not program:
        raise Skip(f"{b.name}: microsocks is not installed")
    port = PORTS.one()
    Process(b, [program, "-i", "127.0.0.1", "-p", str(port), *options], "microsocks").wait_for(port)
    return port


# --- pieces of configuration that v2ray, Xray and the engine read alike ---
def inbound(protocol, port, tag="in", login=False, udp=True, **settings):
    s = {"socks": {"auth": "password" if login else "noauth", "udp": udp, "ip": "127.0.0.1"}, "http": {}}[
        "http" if protocol == "http" else "socks"]
    if login:
        s["accounts"] = ACCOUNTS
    return {"tag": tag, "listen": "127.0.0.1", "port": port, "protocol": protocol, "settings": {**s, **settings}}


def tunnel(port, to, tag="tunnel", network="tcp,udp"):
    return {"tag": tag, "listen": "127.0.0.1", "port": port, "protocol": "dokodemo-door",
            "settings": {"address": "127.0.0.1", "port": to, "network": network}}


def through(protocol, port, tag="up", login=False):
    server = {"address": "127.0.0.1", "port": port}
    if login:
        server["users"] = ACCOUNTS
    return {"tag": tag, "protocol": protocol, "settings": {"servers": [server]}}


def counted(**more):
    with COUNTING:
        for k, v in more.items():
            COUNTED[k] += v


# --- the pump ---
class Pump:
    def __init__(self, b):
        self.server = Process(b, [PUMP, "serve"], "pump", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.server.process.stdout.readline()
        check(line.strip().isdigit(), f"the pump does not serve: {line}")
        self.port, self.talks = int(line), 0

    def talk(self, via, proxy, **keys):
        """One conversation; fails with what the two ends saw."""
        proxy = proxy if isinstance(proxy, str) else f"127.0.0.1:{proxy}"
        words = [f"{k}={v}" for k, v in {"seed": self.talks + 1, **keys}.items()]
        r = subprocess.run([PUMP, "talk", via, proxy, str(self.port), *words], capture_output=True, text=True, timeout=3 * LIMIT,
                           check=False)
        if r.returncode:
            raise Failed(f"{via} through {proxy}, {' '.join(words)}: {r.stdout}{r.stderr}")
        self.talks += 1
        counted(conversations=1, bytes=keys.get("up", 0) + keys.get("down", 0))

    def sizes(self, via, proxy, big=BIG, fin=COUNT):
        """All sizes each way, then the big one each way and both at once."""
        least = 1 if fin == COUNT else 0
        for n in SIZES:
            self.talk(via, proxy, up=n, down=least, fin=fin)
            self.talk(via, proxy, down=n, fin=fin)
        self.talk(via, proxy, up=SIZES[-1], down=SIZES[-2], fin=fin)
        if big:
            self.talk(via, proxy, up=big, down=least, fin=fin)
            self.talk(via, proxy, down=big, fin=fin)
            self.talk(via, proxy, up=big // 4, down=big // 4, fin=fin)


def together(*functions):
    """Runs them at the same time; fails with the first failure."""
    failures = []

    def one(f):
        try:
            f()
        except Exception as e:
            failures.append(e)

    threads = [threading.Thread(target=one, args=(f,)) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


def engine_between(b, ins, outs=(FREEDOM,), rules=()):
    """The engine with these inbounds and outbounds."""
    b.start(b.config(log={"loglevel": "info", "access": b.access, "error": b.log}, inbounds=list(ins), outbounds=list(outs),
                     routing={"rules": list(rules)}))
