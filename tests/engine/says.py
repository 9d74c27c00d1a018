"""What the engine says: logs and the control socket."""
import json
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time

from engbed import ENGINE, ENV, FREEDOM, LIMIT, XRAT, Skip, check, echo, recv_all, until

STAMP = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} "


def case_access_log(b):
    server = b.server(echo)
    b.start(b.config(routing={"rules": [{"port": server.port, "outboundTag": "direct", "ruleTag": "r1"},
                                        {"domain": ["full:black.test"], "outboundTag": "block"}]}))
    s = b.socks(server.port)
    until(lambda: b.lines(b.access), "a line")
    source = f"127.0.0.1:{s.getsockname()[1]}"
    want = STAMP + re.escape(f"from tcp:{source} accepted tcp:127.0.0.1:{server.port} [in -> direct]") + r" id: \d+ rule: r1$"
    check(re.match(want, b.lines(b.access)[0]), b.lines(b.access)[0])
    b.socks(1, code=5)
    last = until(lambda: b.lines(b.access)[1:], "a second line")[0]
    check("rejected tcp:127.0.0.1:1 [in >> direct] cannot connect" in last, last)
    try:
        recv_all(b.socks(80, host="black.test", code=0))
    except Exception:
        pass
    last = until(lambda: b.lines(b.access)[2:], "a third line")[0]
    check("accepted tcp:black.test:80 [in -> block]" in last, last)
    check(stat.S_IMODE(os.stat(b.access).st_mode) == 0o600 == stat.S_IMODE(os.stat(b.log).st_mode), "modes")
    for line in b.lines(b.log):
        check(re.match(STAMP + r"\[(Debug|Info|Warning|Error)\] ", line), line)


def case_masked(b):
    server = b.server(echo)
    for mask, shown in (("quarter", "127.*.*.*"), ("half", "127.0.*.*"), ("full", "[Masked IPv4]"), ("", "127.0.0.1")):
        config = b.config(log={"loglevel": "debug", "access": b.access, "error": b.log, "maskAddress": mask})
        if b.process:
            b.reload(config)
        else:
            b.start(config)
        s = b.socks(server.port)
        line = until(lambda: b.lines(b.access), "a line")[-1]
        check(f"from tcp:{shown}:{s.getsockname()[1]} accepted tcp:{shown}:{server.port} " in line, line)
        b.socks(1, code=5)
        until(lambda: any("cannot connect" in x for x in b.lines(b.log)), "the error log")
        if mask:
            check(all("127.0.0.1" not in x for x in b.lines(b.log) + b.lines(b.access)), "an address that is shown")
        os.truncate(b.access, 0)
        os.truncate(b.log, 0)


def case_levels_and_files(b):
    server = b.server(echo)
    other = f"{b.dir}/other.log"
    b.start(b.config(log={"loglevel": "none"}))
    b.socks(1, code=5)
    check(not os.path.exists(b.access) and not os.path.exists(b.log), "no log, no file")
    b.reload(b.config(log={"loglevel": "error", "access": b.access, "error": b.log}))
    b.socks(1, code=5)
    until(lambda: b.lines(b.access), "an access line")
    check(not b.lines(b.log), f"nothing below errors: {b.lines(b.log)}")
    b.reload(b.config(log={"loglevel": "error", "access": other, "error": b.log}))
    n = len(b.lines(b.access))
    b.socks(server.port)
    until(lambda: b.lines(other), "a line in the other file")
    check(len(b.lines(b.access)) == n, "none in the old one")
    os.rename(other, other + ".1")
    b.ask("reload")
    b.socks(server.port)
    until(lambda: b.lines(other), "a file that was moved away is made anew by a reload")
    answer = b.reload(b.config(log={"access": f"{b.dir}/no/such", "error": b.log}), ok=False)
    check("no/such" in answer["error"], str(answer))
    b.socks(server.port)


def case_access_to_stdout(b):
    b.start(b.config(log={"loglevel": "info"}))
    b.socks(1, code=5)
    until(lambda: "rejected tcp:127.0.0.1:1" in open(f"{b.dir}/out").read(), "a line on stdout")
    check("cannot connect" in open(f"{b.dir}/err").read(), "a line on stderr")


def case_stats(b):
    server = b.server(echo)
    counted = {"stats": {}, "policy": {"system": {f"stats{w}{d}": True for w in ("Inbound", "Outbound")
                                                  for d in ("Uplink", "Downlink")}}}
    b.start(b.config(**counted))
    s = b.socks(server.port)
    s.sendall(b"x" * 1000)
    got = 0
    while got < 1000:
        got += len(s.recv(1000))
    stats = b.stats()
    check(stats["flows"] == 1 and stats["generation"] == 1 and stats["workers"] >= 1 and stats["uptime_ms"] > 0, str(stats))
    for name in ("inbound>>>in>>>traffic>>>uplink", "inbound>>>in>>>traffic>>>downlink", "outbound>>>direct>>>traffic>>>uplink",
                 "outbound>>>direct>>>traffic>>>downlink"):
        check(stats["counters"][name] == 1000, f"{name}: {stats['counters']}")
    b.reload(b.config(**counted, routing={"rules": []}))
    s.sendall(b"y" * 500)
    until(lambda: b.stats()["counters"]["inbound>>>in>>>traffic>>>uplink"] == 1500, "counters go on over a reload")
    text = b.command("stats", "--control", b.control)
    check("inbound>>>in>>>traffic>>>uplink 1500\n" in text.stdout, text.stdout + text.stderr)
    doc = json.loads(b.command("stats", "--control", b.control, "--format", "json").stdout)
    check(doc["result"]["counters"]["inbound>>>in>>>traffic>>>uplink"] == 1500, str(doc))
    r = b.command("stats", "--control", b.dir + "/none")
    check(r.returncode == 3, r.stderr)


def case_control_limits(b):
    b.start()
    check(stat.S_IMODE(os.stat(b.control).st_mode) == 0o600, "mode")
    for bad in (b"{", b"[]", b'{"command":"dance"}', b'{"command":7}', b"\0", b"\xff\xfe", b""):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT)
            s.connect(b.control)
            s.sendall(bad + b"\n")
            check(json.loads(s.recv(65536))["ok"] is False, str(bad))
    with socket.socket(socket.AF_UNIX) as s:  # two requests in pieces
        s.settimeout(LIMIT)
        s.connect(b.control)
        for piece in (b'{"comm', b'and":"stats"}\n{"command":"sta', b'ts"}\n'):
            s.sendall(piece)
            time.sleep(0.02)
        until(lambda: s.recv(65536, socket.MSG_PEEK).count(b"\n") == 2, "two answers")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(LIMIT)
        s.connect(b.control)
        check(is_closed(s, b"x" * 200000), "a line that is too long")
    idle = []
    for _ in range(12):
        s = socket.socket(socket.AF_UNIX)
        b.things.append(s)
        s.settimeout(LIMIT)
        s.connect(b.control)
        idle.append(s)
    begin = time.monotonic()
    check(b.ask("stats")["ok"], "an answer in the end")
    check(time.monotonic() - begin < 12, "idle clients lose their place")
    check(idle[0].recv(1) == b"", "an idle client is closed")


def is_closed(s, data):
    try:
        s.sendall(data)
        return s.recv(10) == b""
    except OSError:
        return True


AS_ANOTHER = """
import os, socket, sys
os.setresuid(65534, 65534, 65534)
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
try:
    s.connect(sys.argv[1])
    s.sendall(b'{"command":"stats"}\\n')
    print("answer", s.recv(100))
except OSError as e:
    print("error", e)
"""


def case_control_strangers(b):
    if os.geteuid():
        raise Skip("control_strangers: needs root")
    b.start()
    os.chmod(b.control, 0o666)  # what the mode would have kept out is kept out by who it is
    for d in (b.dir, os.path.dirname(b.dir)):
        os.chmod(d, 0o755)
    r = subprocess.run([sys.executable, "-c", AS_ANOTHER, b.control], capture_output=True, text=True, timeout=LIMIT, check=False)
    check(r.stdout.startswith(("answer b''", "error [Errno 104]", "error [Errno 32]")), r.stdout + r.stderr)
    check(b.ask("stats")["ok"], "the engine goes on")


def case_control_names(b):
    b.put(b.config())
    r = b.command("run", "-c", b.file, "--control", "@abstract")
    check(r.returncode == 3 and "abstract" in r.stderr, r.stderr)
    r = b.command("run", "-c", b.file, "--control", f"{b.dir}/no/such")
    check(r.returncode == 3 and "no/such" in r.stderr, r.stderr)
    check(ENV and ENGINE and FREEDOM, "")


class Engine:
    """In an engine's place: tells its status, then does with a reload what `how` says."""

    def __init__(self, b, how):
        self.how, self.held = how, []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(b.control)
        self.server.listen()
        self.path = b.control
        b.things.append(self.server)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with self.server.accept()[0] as s:
            s.recv(65536)
            if self.how == "leaves":
                self.server.close()
            s.sendall(b'{"ok":true,"result":{"workers":1,"listeners":[]}}\n')
        if self.how == "leaves":
            return
        with self.server.accept()[0] as s:
            _, fds, _, _ = socket.recv_fds(s, 65536, 16)
            if self.how in ("keeps", "takes"):
                self.held = fds
            else:
                for fd in fds:
                    os.close(fd)
            s.sendall({"refuses": b'{"ok":false,"error":"not today"}\n', "babbles": b"what?\n", "takes": b'{"ok":true,"result":'
                       b'{"generation":2}}\n'}.get(self.how, b""))

    def end(self):
        for fd in self.held:
            os.close(fd)
        self.server.close()
        os.unlink(self.path)


def case_reload_leaves_nothing(b):
    """However a reload ends, Unix sockets that were opened for it are there when the engine has them, and else are not."""
    path = f"{b.dir}/in.sock"
    b.put(b.config(inbounds=[{"tag": "unix", "listen": path, "protocol": "socks"}]))
    for how, words, code, stays in (
            ("leaves", (), 3, False), ("hangs up", (), 3, False), ("babbles", (), 3, False), ("refuses", (), 1, False),
            ("refuses", ("--format", "json"), 3, False), ("keeps", (), 3, True), ("takes", (), 0, True), ("takes", ("--format", "json"), 3, True)):
        engine = Engine(b, how)
        with open("/dev/full", "w", encoding="ascii") as full:
            r = subprocess.run([XRAT, *words, "engine", "reload", "-c", b.file, "--control", b.control], env=ENV, timeout=LIMIT, check=False,
                               stdout=full if words else subprocess.PIPE, stderr=full if words else subprocess.PIPE, text=True)
        what = f"the engine {how}{', and nothing can be said' if words else ''}"
        check(r.returncode == code, f"{what}: exit {r.returncode}: {r.stderr}")
        check(os.path.exists(path) == stays, f"{what}: the socket {'is gone' if stays else 'was left'}")
        if stays:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
            os.unlink(path)
        engine.end()
