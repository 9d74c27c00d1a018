"""test: many nodes through one engine, against servers of 127.0.0.1."""
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import sqlite3
import subprocess
import threading
import time

from nbed import ENV, SECRET, SERVER, SLOW, UUID, Root, expect, free_port, process_of, skip, trojan, until

PROBE = "/probe"
SERVER.pages[PROBE] = lambda h: h.reply(204)
SERVER.pages["/late"] = lambda h: (SERVER.stop.wait(0.3), h.reply(204))
SERVER.slow("/stall")
SERVER.pages["/sorry"] = lambda h: h.reply(503, b"sorry")
ENGINES = ["builtin"] + (["v2ray"] if shutil.which("v2ray") else [])


def config(engine):
    return f'[runtime]\nengine = "{engine}"\n[runtime.rotation]\nprobe_url = "{SERVER.url(PROBE)}"\n[runtime.socks]\nport = {free_port()}\n'


class Socks(socketserver.ThreadingTCPServer):
    """SOCKS5: CONNECT to wherever it is asked, after `wait` seconds; refuse: every request is answered with a fault."""
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, wait=0.0, refuse=False):
        self.wait, self.refuse, self.count = wait, refuse, 0
        self.now, self.most, self.lock = 0, 0, threading.Lock()
        super().__init__(("127.0.0.1", 0), SocksHandler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass


class SocksHandler(socketserver.BaseRequestHandler):
    def take(self, n):
        data = b""
        while len(data) < n:
            more = self.request.recv(n - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def handle(self):
        s = self.request
        if 2 in self.take(self.take(2)[1]):
            s.sendall(b"\5\2")
            self.take(self.take(2)[1])
            self.take(self.take(1)[0])
            s.sendall(b"\1\0")
        else:
            s.sendall(b"\5\0")
        kind = self.take(4)[3]
        host = socket.inet_ntoa(self.take(4)) if kind == 1 else self.take(self.take(1)[0]).decode()
        port = int.from_bytes(self.take(2), "big")
        self.server.count += 1
        if self.server.refuse:
            s.sendall(b"\5\5\0\1\0\0\0\0\0\0")
            return
        with self.server.lock:
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
        SERVER.stop.wait(self.server.wait)
        with self.server.lock:
            self.server.now -= 1
        with socket.create_connection((host, port), 5) as there:
            s.sendall(b"\5\0\0\1\0\0\0\0\0\0")
            t = threading.Thread(target=pump, args=(there, s), daemon=True)
            t.start()
            pump(s, there)
            t.join(10)


def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def socks(port, name, user=""):
    return f"socks5://{user}127.0.0.1:{port}#{name}\n"


def clean(r):
    """Nothing of a test is left: no process, no file."""
    gone = until(10, lambda: not process_of(r.root))
    runtime = f"{r.root}/runtime"
    return gone and not (os.path.isdir(runtime) and [n for n in os.listdir(runtime) if n.startswith("test-")])


def many():
    """200 nodes: good, slow, refusing, dead, behind nothing."""
    good, slow, refusing, dead = Socks(), Socks(wait=0.5), Socks(refuse=True), free_port()
    for engine in ENGINES:
        r = Root(config(engine))
        text = "".join(socks(good.port, f"good-{i}", f"u{i}:p@") for i in range(120))
        text += "".join(socks(slow.port, f"slow-{i}", f"u{i}:p@") for i in range(20))
        text += "".join(socks(refusing.port, f"refusing-{i}", f"u{i}:p@") for i in range(30))
        text += "".join(socks(dead, f"dead-{i}", f"u{i}:p@") for i in range(30))
        r.json("import", "-", stdin=text)
        begin = time.monotonic()
        got = r.json("test", "--concurrency", "32", "--attempts", "2", timeout=120)
        print(f"{engine}: 200 nodes, 2 attempts each, {time.monotonic() - begin:.1f} s")
        by = {n["name"]: n for n in got["nodes"]}
        passed = [n for n in by if by[n]["ok"]]
        expect(f"{engine}: 140 of 200 pass", sorted(passed) == sorted(n for n in by if re.match("good|slow", n)) and len(by) == 200,
               got["summary"], [by[n] for n in by if by[n]["ok"] != bool(re.match("good|slow", n))][:3])
        one = by["good-0"]
        expect(f"{engine}: figures", one["attempts"] == one["tcp_ok"] == one["real_delay_ok"] == 2 and one["http_status"] == 204 and
               one["real_delay_ms"]["min"] <= one["real_delay_ms"]["p50"] <= one["real_delay_ms"]["p95"] <= one["real_delay_ms"]["max"], one)
        expect(f"{engine}: slow is slow", by["slow-0"]["real_delay_ms"]["min"] >= 500, by["slow-0"])
        expect(f"{engine}: dead is refused", (by["dead-0"]["failure"], by["dead-0"]["tcp_ok"], by["dead-0"]["tcp_ms"]) == ("refused", 0, None),
               by["dead-0"])
        expect(f"{engine}: refusing is the proxy's fault", by["refusing-0"]["failure"] == "proxy" and by["refusing-0"]["tcp_ok"] == 2,
               by["refusing-0"])
        expect(f"{engine}: in order of delay", [n["ok"] for n in got["nodes"]] == sorted((n["ok"] for n in got["nodes"]), reverse=True) and
               got["nodes"][0]["real_delay_ms"]["p50"] <= got["nodes"][139]["real_delay_ms"]["p50"])
        with sqlite3.connect(r.database()) as db:
            stored = db.execute("SELECT count(*), count(DISTINCT config_id) FROM connection_tests").fetchone()
        expect(f"{engine}: all are stored", stored == (400, 200), stored)
        row = r.json("list", "--sort", "delay", "--limit", "1")["nodes"][0]
        expect(f"{engine}: list shows them", row["latest_test"]["real_delay"] == "ok" and row["latest_test"]["real_delay_ms"] > 0, row)
        expect(f"{engine}: nothing is left", clean(r), process_of(r.root), os.listdir(f"{r.root}/runtime"))


def options():
    good, refusing = Socks(), Socks(refuse=True)
    r = Root(config("builtin"))
    r.json("import", "-", stdin=socks(good.port, "good") + socks(refusing.port, "refusing") + socks(free_port(), "dead"))
    before = good.count
    got = r.json("test", "--skip-delay")
    expect("--skip-delay: TCP alone", [(n["ok"], n["real_delay_ok"]) for n in got["nodes"]] == [(True, 0), (True, 0), (False, 0)] and
           good.count == before, got)
    expect("--skip-delay: percentiles of TCP", got["summary"]["tcp_ms"]["p50"] >= 1, got["summary"])
    got = r.json("test", "--skip-tcp")
    expect("--skip-tcp", [(n["ok"], n["tcp_ms"]) for n in got["nodes"]] == [(True, None), (False, None), (False, None)], got)
    expect("--skip-tcp: the engine finds the dead one", {n["failure"] for n in got["nodes"][1:]} == {"proxy"}, got)
    got = r.json("test", "--url", SERVER.url("/sorry"), 1)
    expect("--url: another status is no success", got["nodes"][0]["failure"] == "proxy" and "503" in got["nodes"][0]["failure_reason"], got)
    got = r.json("test", "--url", SERVER.url("/stall"), "--timeout", "300", 1)
    expect("--timeout", got["nodes"][0]["failure"] == "timeout" and "300 ms" in got["nodes"][0]["failure_reason"], got)
    got = r.json("test", "--url", SERVER.url("/late"), 1, "--attempts", "3")
    expect("--attempts", got["nodes"][0]["real_delay_ok"] == 3 and got["nodes"][0]["real_delay_ms"]["min"] >= 300, got)
    r.ok("add", "socks5://no-such-host.invalid:1#nowhere")
    got = r.json("test", "--timeout", "3000", 4)["nodes"][0]
    expect("a name that nobody knows", got["failure"] == "dns" and not got["ok"] and got["real_delay_ok"] == 0, got)
    r.ok("remove", "--hard", "--yes", 4)
    expect("--sort id", [n["id"] for n in r.json("test", "--sort", "id", "--skip-delay")["nodes"]] == [1, 2, 3])
    expect("test: one node twice is one", len(r.json("test", 1, 1)["nodes"]) == 1)
    r.ok("disable", 1)
    expect("test: disabled ones only when named", len(r.json("test", "--skip-delay")["nodes"]) == 2 and
           len(r.json("test", "--skip-delay", "--all")["nodes"]) == 3 and len(r.json("test", "--skip-delay", 1)["nodes"]) == 1)
    code, out, err = r.xrat("test", 1, 2)
    expect("test: a table", code == 0 and out.splitlines()[0].split() == ["ID", "REF", "TCP", "P50", "P95", "OK", "NAME", "FAILURE"] and
           "proxy: " in out and "1 of 2 nodes passed" in err, out, err)
    _, _, err = r.xrat("test", 1, "--progress")
    expect("test --progress", "testing: 1 of 1, 1 passed" in err, err)
    expect("test -q", r.xrat("-q", "test", 1)[2] == "")
    for words in (("--skip-tcp", "--skip-delay"), ("--concurrency", "1000"), ("--attempts", "1000"), ("--url", "ftp://x"), ("--target", "x")):
        r.error(2, "test", *words)
    r.error(7, "test", 99)
    expect("test: no nodes", Root().json("test")["nodes"] == [])
    expect("options: nothing is left", clean(r))


def figures():
    """Percentiles by nearest rank over the attempts, and no more nodes at a time than asked for."""
    seen = []
    SERVER.pages["/tenth"] = lambda h: (seen.append(1), len(seen) % 20 in LATE and SERVER.stop.wait(0.4), h.reply(204))
    good = Socks()
    r = Root(config("builtin"))
    r.ok("add", f"socks5://127.0.0.1:{good.port}#a")
    for late, p95_is_late in (({5}, False), ({5, 15}, True)):
        LATE.clear()
        LATE.update(late)
        got = r.json("test", "--attempts", "20", "--url", SERVER.url("/tenth"), timeout=120)
        for what, ms in (("node", got["nodes"][0]["real_delay_ms"]), ("all", got["summary"]["real_delay_ms"])):
            expect(f"percentiles of 20 attempts, {len(late)} late, {what}", ms["p50"] < 300 and (ms["p95"] >= 400) == p95_is_late, ms)
        expect("percentiles: the largest", got["nodes"][0]["real_delay_ms"]["max"] >= 400, got)
    slow = Socks(wait=0.2)
    r = Root(config("builtin"))
    r.json("import", "-", stdin="".join(socks(slow.port, f"s{i}", f"u{i}:p@") for i in range(24)))
    for n in (1, 5):
        slow.most = 0
        words = (1, 2, 3) if n == 1 else ()
        expect(f"--concurrency {n}: all pass", r.json("test", "--concurrency", n, "--skip-tcp", *words)["summary"]["failed"] == 0)
        expect(f"--concurrency {n}: so many at a time", max(1, n - 2) <= slow.most <= n, slow.most)


LATE = set()


def refused_nodes():
    """What the engine cannot run is a result with its reason, and costs the others nothing."""
    good = Socks()
    r = Root(config("builtin"))
    r.json("import", "-", stdin=socks(good.port, "good") + trojan(1, "tls") + f"\nvless://{UUID}@127.0.0.1:443?security=reality&"
           "pbk=xkeyxkeyxkeyxkeyxkeyxkeyxkeyxkeyxkeyxkeyxke&sni=a.example&fp=chrome&sid=ab#reality\n")
    got = {n["name"]: n for n in r.json("test")["nodes"]}
    expect("refused: the good one passes", got["good"]["ok"], got)
    expect("refused: process, with a reason", all(got[n]["failure"] == "process" and got[n]["failure_reason"].startswith("XR") and
                                                  SECRET not in str(got[n]) for n in ("tls", "reality")), got)
    expect("refused: alone", r.json("test", 2)["nodes"][0]["failure"] == "process")
    # An engine that dies, or whose checker refuses, with one of the nodes.
    for how in ("check", "run"):
        real = shutil.which("v2ray")
        if not real:
            skip("test with a broken node: no v2ray")
            return
        r = Root()
        script = r.write("v2ray", f"""#!/bin/sh
bad() {{ for f; do case $f in *.json) grep -q '"bad.example.net"' "$f" && return 0 ;; esac; done; return 1; }}
case " $* " in
*" -version"*) ;;
*" -test "*) [ {how} = run ] || {{ bad "$@" && {{ echo "bad.example.net: no such luck"; exit 1; }}; }} ;;
*) [ {how} = check ] || {{ bad "$@" && {{ echo "panic: bad.example.net" >&2; exit 2; }}; }} ;;
esac
exec {real} "$@"
""")
        os.chmod(script, 0o755)
        r.write("root/config.toml", config("v2ray") + f'[paths]\nv2ray = "{script}"\n')
        text = "".join(socks(good.port, f"n{i}", f"u{i}:p@") for i in range(20)) + "socks5://bad.example.net:1#bad\n"
        r.json("import", "-", stdin=text)
        got = r.json("test", "--skip-tcp", timeout=120)
        by = {n["name"]: n for n in got["nodes"]}
        expect(f"broken at {how}: the others pass", got["summary"]["passed"] == 20, got["summary"])
        expect(f"broken at {how}: it is named", by["bad"]["failure"] == "process" and "bad.example.net" in by["bad"]["failure_reason"], by["bad"])
        expect(f"broken at {how}: nothing is left", clean(r))


def engines():
    r = Root(config("builtin").replace('"builtin"', '"v2ray"') + '[paths]\nv2ray = "/nonexistent/v2ray"\n')
    r.ok("add", "socks5://127.0.0.1:1#a")
    e = r.error(3, "test", "--skip-tcp")
    expect("no engine: said so", "v2ray" in e["message"], e)
    expect("no engine: TCP goes without", r.json("test", "--skip-delay")["summary"]["failed"] == 1)
    r = Root('[runtime]\nengine = "sing-box"\n')
    r.ok("add", "socks5://127.0.0.1:1#a")
    expect("sing-box is refused", "XR646" in r.error(1, "test")["message"])
    r = Root("[runtime]\nengine = 5\n")
    expect("a broken config.toml", r.error(1, "add", "socks5://127.0.0.1:1#a")["diagnostics"][0]["file"] == "config.toml")
    r = Root(config("auto"))
    good = Socks()
    r.ok("add", f"socks5://127.0.0.1:{good.port}#a")
    expect("auto: an engine of this machine", r.json("test")["summary"]["passed"] == 1)


def microsocks():
    """A server that is not ours, without and with an account. (v2ray sends its greeting and its password at once, which microsocks
    does not read.)"""
    if not shutil.which("microsocks"):
        skip("nodes behind microsocks: it is not installed")
        return
    ports = [free_port(), free_port()]
    servers = [subprocess.Popen(["microsocks", "-i", "127.0.0.1", "-p", str(port), *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for port, words in zip(ports, ([], ["-u", "user", "-P", "right"]))]
    try:
        for engine in ENGINES:
            r = Root(config(engine))
            r.json("import", "-", stdin=socks(ports[0], "open") + socks(ports[1], "good", "user:right@") + socks(ports[1], "bad", "user:wrong@"))
            until(10, lambda: r.json("test", "--skip-delay", "--timeout", "500")["summary"]["passed"] == 3)
            which = [1, 2, 3] if engine == "builtin" else [1]
            got = {n["name"]: n for n in r.json("test", "--attempts", "5", *which)["nodes"]}
            expect(f"microsocks, {engine}: passes", all(got[n]["real_delay_ok"] == 5 for n in got if n != "bad"), got)
            expect(f"microsocks, {engine}: a wrong password does not", "bad" not in got or (
                got["bad"]["real_delay_ok"], got["bad"]["failure"], got["bad"]["tcp_ok"]) == (0, "proxy", 5), got)
    finally:
        for server in servers:
            server.kill()
            server.wait()


def start(r, *words):
    return subprocess.Popen(r.command("test", *words), env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def stored(r):
    try:
        with sqlite3.connect(r.database(), timeout=10) as db:
            return db.execute("SELECT count(*) FROM connection_tests").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def stopping():
    """SIGINT keeps what is stored; kill -9 leaves an engine that the next run ends."""
    slow = Socks(wait=0.4)
    for engine in ENGINES:
        r = Root(config(engine))
        r.json("import", "-", stdin="".join(socks(slow.port, f"s{i}", f"u{i}:p@") for i in range(60)))
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before = stored(r)
            p = start(r, "--concurrency", "4")
            expect(f"{engine} {sig.name}: results come", until(30, lambda: stored(r) >= before + 4), stored(r))
            p.send_signal(sig)
            out, err = p.communicate(timeout=30 * SLOW)
            said = re.search(rb"stopped; (\d+) results are stored", err)
            expect(f"{engine} {sig.name}: exit 130", p.returncode == 130 and out == b"", p.returncode, out, err)
            expect(f"{engine} {sig.name}: kept, and said so", said and stored(r) - before == int(said[1]) < 60, err, stored(r) - before)
            expect(f"{engine} {sig.name}: nothing is left", clean(r), process_of(r.root))
        before = stored(r)
        p = start(r, "--concurrency", "4")
        expect(f"{engine} kill: results come", until(30, lambda: stored(r) >= before + 4))
        p.kill()
        p.communicate()
        kept = stored(r) - before
        expect(f"{engine} kill: what was stored stays", kept >= 4, kept)
        expect(f"{engine} kill: an engine is left behind", len(process_of(r.root)) == 1 and len(os.listdir(f"{r.root}/runtime")) == 1,
               process_of(r.root))
        r.json("test", 1)
        expect(f"{engine} kill: the next run ends it", clean(r), process_of(r.root))
        # Two at a time do not take each other for dead.
        p = start(r, "--concurrency", "4")
        until(30, lambda: stored(r) >= before + kept + 5)
        expect(f"{engine}: a second test beside it", r.json("test", 2)["summary"]["passed"] == 1)
        expect(f"{engine}: the first goes on", p.poll() is None)
        p.send_signal(signal.SIGINT)
        p.communicate()
        expect(f"{engine}: two: nothing is left", clean(r))


def account():
    """Its inbounds ask for an account, and what it writes is for its user alone."""
    slow = Socks(wait=1)
    r = Root(config("builtin"))
    r.json("import", "-", stdin="".join(socks(slow.port, f"s{i}", f"u{i}:{SECRET}@") for i in range(8)))
    p = start(r, "--concurrency", "2")
    folder = until(20, lambda: [f"{r.root}/runtime/{n}" for n in os.listdir(f"{r.root}/runtime")] if os.path.isdir(f"{r.root}/runtime") else [])
    path = f"{folder[0]}/xray.json"
    until(10, lambda: os.path.exists(path))
    until(20, lambda: stored(r) >= 1)
    modes = [os.stat(x).st_mode & 0o777 for x in (folder[0], path)]
    expect("account: modes", modes == [0o700, 0o600], [oct(m) for m in modes])
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    ins = [i for i in doc["inbounds"] if i["protocol"] == "socks"]
    expect("account: every inbound has one, on 127.0.0.1", len(ins) == 8 and all(
        i["listen"] == "127.0.0.1" and i["settings"]["auth"] == "password" and len(i["settings"]["accounts"][0]["pass"]) >= 32 for i in ins), ins[:1])
    with socket.create_connection(("127.0.0.1", ins[0]["port"]), 5) as s:
        s.sendall(b"\5\1\0")
        expect("account: nobody comes in without", s.recv(2) in (b"\5\xff", b""))
    for pid, args in process_of(r.root).items():
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                env = f.read()
        except OSError:
            continue
        text = b" ".join(args) + env
        expect("account: no secret in arguments and environment", SECRET.encode() not in text and
               ins[0]["settings"]["accounts"][0]["pass"].encode() not in text, args)
    p.send_signal(signal.SIGINT)
    p.communicate()
    expect("account: nothing is left", clean(r))


PARTS = [many, options, figures, refused_nodes, engines, microsocks, stopping, account]
