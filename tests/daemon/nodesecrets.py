#!/usr/bin/env python3
"""Nodes of every scheme with a secret in every place that the key tables call one, driven through all that a daemon does with them: none of the secrets stands
in what is printed, logged, stored beside the nodes, given to a process, readable by others, or in a bundle. Each place has a
control: what is planted there is found by the same search."""
import base64
import contextlib
import glob
import http.server
import io
import json
import os
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
import zipfile

from dbed import ENV, Tally, get, put, until
from sessbed import Node, SecretNode, Sessions, lacking, PASSWORD

tally = Tally("nodesecrets")
KEY = base64.b64encode(b"change-me-key-of-32-bytes-long!!").decode()
SECRETS = {
    "vless uuid": "c4a4a4e1-1111-4000-8000-00000000bee1", "vless header": "hdr-c4n4ry-h34d3r-91",
    "reality uuid": "c4a4a4e2-2222-4000-8000-00000000bee2", "reality short id": "c4a4a4e3c4a4a4e3",
    "vmess uuid": "c4a4a4e4-4444-4000-8000-00000000bee4", "trojan password": 'Tr0j4n"c4n4ry\\p/w +1',
    "ss password": "5s-c4n4ry-p4ssw0rd", "ss2022 key": base64.b64encode(b"c4n4ry-2022-a-16").decode(),
    "ss2022 second key": base64.b64encode(b"c4n4ry-2022-b-16").decode(), "ss plugin": "plug1n-c4n4ry-p4ss",
    "socks password": "s0cks-c4n4ry/p4ss", "http password": "http-c4n4ry-p4ss%41", "working node": PASSWORD,
    "hysteria2 password": "hy2-c4n4ry-p4ss", "hysteria2 obfs": "0bfs-c4n4ry-p4ss", "wireguard key": KEY,
    "wireguard psk": base64.b64encode(b"change-me-psk-of-32-bytes-long!!").decode(),
    "subscription user": "sub-us3r-c4n4ry", "subscription password": "sub-c4n4ry-p4ss", "subscription path": "p4th-t0ken-c4n4ry",
    "subscription query": "qu3ry-t0ken-c4n4ry", "subscribed password": "subscr1bed-c4n4ry",
    "own socks password": "own-s0cks-c4n4ry", "own http password": "own-http-c4n4ry", "own shadowsocks password": "own-ss-c4n4ry-p4ss",
}
PLANTED = 'pl4nted c0ntrol/"secret"+7'
PUBLIC_KEY = base64.urlsafe_b64encode(b"p" * 32).decode().rstrip("=")


def q(name):
    return urllib.parse.quote(SECRETS[name], safe="")


def b64(text):
    return base64.b64encode(text.encode()).decode()


def links(port):
    """All go nowhere: nobody listens there."""
    at = f"127.0.0.1:{port}"
    vmess = {"v": "2", "ps": "vmess", "add": "127.0.0.1", "port": str(port), "id": SECRETS["vmess uuid"], "aid": "0", "net": "ws",
             "path": "/ws", "type": "none", "tls": ""}
    s = SECRETS
    return [
        f"vless://{s['vless uuid']}@{at}?type=ws&path=%2Fws&security=none&encryption=none#vless",
        f"vless://{s['reality uuid']}@{at}?type=tcp&security=reality&pbk={PUBLIC_KEY}&sid={s['reality short id']}"
        "&sni=a.example.net&fp=chrome&encryption=none#reality",
        "vmess://" + b64(json.dumps(vmess)),
        f"trojan://{q('trojan password')}@{at}?security=tls&sni=a.example.net#trojan",
        "ss://" + b64(f"aes-128-gcm:{s['ss password']}").rstrip("=") + f"@{at}#ss",
        "ss://2022-blake3-aes-128-gcm:" + urllib.parse.quote(f"{s['ss2022 key']}:{s['ss2022 second key']}", safe="") + f"@{at}#ss2022",
        f"socks://user:{q('socks password')}@{at}#socks",
        f"http://user:{q('http password')}@{at}#http",
        f"hysteria2://{q('hysteria2 password')}@{at}?sni=a.example.net&obfs=salamander&obfs-password={q('hysteria2 obfs')}#hysteria2",
        f"wireguard://{q('wireguard key')}@{at}?publickey={urllib.parse.quote(b64('q' * 32), safe='')}"
        f"&presharedkey={q('wireguard psk')}&address=10.0.0.2%2F32#wireguard",
    ]


def clash(port):
    return json.dumps({"proxies": [
        {"name": "clash-plugin", "type": "ss", "server": "127.0.0.1", "port": port, "cipher": "aes-128-gcm", "password": SECRETS["ss password"],
         "plugin": "obfs", "plugin-opts": {"mode": "http", "host": "a.example.net"}},
        {"name": "clash-vless", "type": "vless", "server": "127.0.0.1", "port": port, "uuid": SECRETS["vless uuid"], "network": "ws",
         "ws-opts": {"path": "/", "headers": {"X-Token": SECRETS["vless header"]}}}]})


# --- searching ---
def forms(secret):
    raw = secret.encode()
    yield raw
    for ascii_only in (True, False):
        text = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield text.encode()
        yield text.replace("/", "\\/").encode()
    for text in (urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret), urllib.parse.quote(secret, safe="/:@")):
        yield text.encode()
        yield text.lower().encode() if "%" in text else raw
    for skip in range(3):
        text = base64.b64encode(b"." * skip + raw)
        cut = text[(4 if skip else 0):].rstrip(b"=")[:-1]
        yield cut
        yield cut.replace(b"+", b"-").replace(b"/", b"_")
    if len(raw) >= 16 and " " not in secret:  # cut in two by a limit
        yield raw[:12]
        yield raw[-12:]


class Search:
    def __init__(self, secrets):
        self.forms = [(what, f) for what, s in secrets.items() for f in set(forms(s)) if len(f) >= 6]
        self.searches = self.bytes = 0

    def found(self, data):
        data = data if isinstance(data, bytes) else data.encode()
        self.searches += len(self.forms)
        self.bytes += len(data)
        return [(what, f, data[max(0, data.find(f) - 60):data.find(f) + 60]) for what, f in self.forms if f in data]


# --- processes ---
class Watcher(threading.Thread):
    """Arguments and environment of every process that has the root in one of them, as often as it can be looked at."""

    def __init__(self, root):
        super().__init__(daemon=True)
        self.root, self.seen, self.looks, self.over = root.encode(), {}, 0, threading.Event()

    def look(self):
        self.looks += 1
        for pid in os.listdir("/proc"):
            if not pid.isdigit() or int(pid) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                args, env = get(f"/proc/{pid}/cmdline") or b"", get(f"/proc/{pid}/environ") or b""
                # The address of a subscription is an argument of `import`: the user wrote it there.
                if (self.root in args or self.root in env) and b"\0import\0" not in args:
                    self.seen.setdefault((pid, args), env)

    def run(self):
        while not self.over.wait(0.01):
            self.look()

    def text(self):
        return b"\n".join(args + b"\n" + env for (_, args), env in list(self.seen.items()))


class Subscription:
    def __init__(self, port):
        body = b64("\n".join(f"trojan://{SECRETS['subscribed password']}{n}@127.0.0.1:{port}?security=tls&sni=a.example.net#sub-{n}"
                             for n in range(3))).encode()
        path = f"/sub/{SECRETS['subscription path']}?token={SECRETS['subscription query']}"
        wanted = "Basic " + b64(f"{SECRETS['subscription user']}:{SECRETS['subscription password']}")

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                ok = self.path == path and self.headers.get("Authorization") == wanted
                self.send_response(200 if ok else 403)
                self.end_headers()
                self.wfile.write(body if ok else b"")

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = (f"http://{SECRETS['subscription user']}:{SECRETS['subscription password']}@127.0.0.1:"
                    f"{self.server.server_address[1]}{path}")


# --- the bed ---
# Its configuration in one line, and as it stands; then every text in it without its key, between spaces or not.
SHOUT = r"""#!/bin/sh
for a in "$@"; do file=$a; case $a in -test|--test) test=1;; esac; done
[ -z "$test" ] || exit 0
printf x >>"$0.count"
between=' '
[ $(($(wc -c <"$0.count") % 2)) = 0 ] || between=:
tr -d '\n' <"$file"
cat "$file" >&2
grep -oE '"([^"\]|\\.)*"' "$file" | sed 's/^"//; s/"$//' | tr '\n' "$between" >&2
exit 3
"""
CONFIG = """[paths]
{name} = "{engine}"
[runtime.http]
enabled = true
port = {http}
auth = {{ enabled = true, username = "own", password = {http_password} }}
[runtime.shadowsocks]
enabled = true
port = {ss}
password = {ss_password}
[runtime.log]
level = "debug"
"""


def config(name, engine, ports):
    return CONFIG.format(name=name, engine=engine, http=ports[0], ss=ports[1], http_password=json.dumps(SECRETS["own http password"]),
                         ss_password=json.dumps(SECRETS["own shadowsocks password"]))


class Drive:
    def __init__(self, work):
        from dbed import free_port  # pylint: disable=import-outside-toplevel
        self.free_port, self.said = free_port, []
        self.shouter = f"{work}/shouter"
        put(self.shouter, SHOUT)
        os.chmod(self.shouter, 0o700)
        self.v2ray = subprocess.run(["sh", "-c", "command -v v2ray"], capture_output=True, text=True, check=True).stdout.strip()
        self.ports = free_port(), free_port()
        self.d = Sessions(f"{work}/root", "v2ray", [], more=config("v2ray", self.v2ray, self.ports), rotation="enabled = true\ncooldown_secs = 1")
        self.own_socks()
        self.real, self.node = SecretNode(f"{work}/node.json"), Node(2)
        self.sub, self.work = Subscription(free_port()), work
        self.watcher = Watcher(self.d.root)
        self.watcher.start()

    def own_socks(self):
        text = get(f"{self.d.root}/config.toml").decode()
        put(f"{self.d.root}/config.toml", text.replace("[runtime.socks]\n", "[runtime.socks]\nauth = { enabled = true, username = \"own\", "
                                                       f"password = {json.dumps(SECRETS['own socks password'])} }}\n"))

    def engine(self, path):
        self.d.extra = config(self.d.engine, path, self.ports)
        self.d.configure()
        self.own_socks()
        self.d.proc.send_signal(signal.SIGHUP)

    def x(self, *words, stdin=None, codes=(0,)):
        p = subprocess.run(self.command(*words), env=ENV, input=stdin.encode() if stdin else b"", capture_output=True, timeout=90,
                           check=False)
        out = p.stdout + b"\n" + p.stderr
        self.said.append((" ".join(words[:3]), out))
        tally.expect(f"{' '.join(words[:3])}: exit code {codes}", p.returncode in codes, p.returncode, out[-600:])
        return out.decode(errors="replace")

    def command(self, *words):
        from dbed import XRAT  # pylint: disable=import-outside-toplevel
        return [XRAT, "--root", self.d.root, *words]

    def nodes(self):
        """Everything on the command line."""
        dead = self.free_port()
        self.x("add", "-", stdin="\n".join([self.real.link, self.node.link, *links(dead)]) + "\n")
        self.x("import", "-", stdin=clash(dead), codes=(0, 1))
        self.x("add", "--lenient", "-", stdin="ss://" + b64(f"aes-128-gcm:{SECRETS['ss password']}").rstrip("=") +
               f"@127.0.0.1:{dead + 1}?plugin=" + urllib.parse.quote(f"x-plugin;password={SECRETS['ss plugin']}", safe="") + "#plugin\n", codes=(0, 1))
        self.x("add", "-", stdin=f"trojan://{q('trojan password')}@127.0.0.1:{dead}?nonsense={q('ss plugin')}&security=what#bad\n", codes=(1,))
        self.x("import", self.sub.url, "--name", "provider")
        self.x("update")
        self.x("update", "--format", "json", "1")
        self.x("import", self.sub.url + "-wrong", codes=(1, 3, 4, 7))
        for words in (("list",), ("--format", "json", "list", "--all"), ("list", "subscriptions"), ("--format", "json", "list", "subscriptions"),
                      ("show", "subscription", "1"), ("--format", "json", "show", "subscription", "1")):
            self.x(*words)
        self.n = len(self.d.sql("SELECT id FROM configs"))
        tally.expect("nodes of every scheme are stored", {r["protocol"] for r in self.d.sql("SELECT DISTINCT protocol FROM configs")} ==
                     {"vless", "vmess", "trojan", "shadowsocks", "socks", "http", "hysteria2", "wireguard"}, self.d.sql("SELECT DISTINCT protocol FROM configs"))
        for i in range(1, self.n + 1):
            self.x("--format", ("text", "json")[i % 2], "show", str(i))
        self.x("test", "--timeout", "700", "--concurrency", "32", codes=(0, 1))
        self.x("--format", "json", "test", "1", "--timeout", "3000", codes=(0, 1))

    def sessions(self):
        d = self.d
        d.run("-v", env={"XRAT_LOG": "debug"})
        until(15, d.ping)
        self.x("connect", "1")
        for name in ("vmess", "hysteria2"):  # one that nobody answers for, and what this engine cannot
            self.x("connect", str(self.d.sql("SELECT id FROM configs WHERE name = ?", name)[0]["id"]), codes=(1, 3, 5))
        for words in (("status",), ("--format", "json", "status"), ("proxy", "status"), ("--format", "json", "proxy", "status")):
            self.x(*words)
        self.x("debug", "bundle", "--output", f"{self.work}/live.zip")
        self.x("rotate", "now", codes=(0, 3, 4))
        self.x("daemon", "restart")
        self.x("status")
        self.x("disconnect", codes=(0, 7))

    def shouts(self):
        """An engine that dies and says all of its configuration."""
        self.d.quiet, self.d.engine = max(r["id"] for r in self.d.rows()), "xray"
        self.engine(self.shouter)
        last = "vless", "ss2022", "wireguard", "reality", "hysteria2"  # logs of so many sessions are in the bundle
        names = [r["name"] for r in self.d.sql("SELECT name FROM configs ORDER BY id")]
        others = [n for n in names if n not in last and n not in ("sub-1", "sub-2", "node-2")]
        for name in (*others, *last):
            self.x("connect", str(names.index(name) + 1), codes=(1, 3, 5))
        self.x("test", "--timeout", "700", codes=(0, 1))
        self.x("--format", "json", "list")
        self.x("status")
        self.x("remove", "3")
        self.x("disable", "4")
        self.x("debug", "bundle", "--output", f"{self.work}/b.zip")


# --- places ---
def members(path):
    with zipfile.ZipFile(io.BytesIO(get(path))) as z:
        return b"\n".join(n.encode() + b"\n" + z.read(n) for n in z.namelist()) + get(path)


def table(d, name):
    return json.dumps(d.sql(f"SELECT * FROM {name}"), ensure_ascii=False)


def readable(root):
    """Files that others may read, but for what the test itself wrote."""
    paths = [os.path.join(at, f) for at, _, files in os.walk(root) for f in files]
    return b"\n".join(get(p) for p in paths if os.stat(p).st_mode & 0o077 and os.path.basename(p) != "config.toml")


def session_logs(d, shouting):
    names = glob.glob(f"{d.root}/runtime/session-*.log*") + glob.glob(f"{d.root}/logs/session-*")
    of = [(p, int(os.path.basename(p).split("-")[1].split(".")[0])) for p in names]
    return b"\n".join(get(p) for p, n in of if (n > d.quiet) == shouting)


def places(drive):
    d = drive.d
    return {
        "commands": lambda: b"\n".join(out for _, out in drive.said),
        "list": lambda: "".join(d.xrat("list", "--all")[1:]) + "".join(d.xrat("--format", "json", "list", "--all")[1:]),
        "daemon log": lambda: get(d.log),
        "session logs": lambda: session_logs(d, False),
        "events": lambda: table(d, "events"),
        "tests": lambda: table(d, "connection_tests"),
        "session rows": lambda: table(d, "runtime_sessions"),
        "rotation": lambda: table(d, "rotation_state") + table(d, "cooldowns") + table(d, "settings"),
        "argv and environ": drive.watcher.text,
        "bundle": lambda: members(f"{drive.work}/b.zip"),
        "bundle with a session": lambda: members(f"{drive.work}/live.zip"),
        "audit.log": lambda: get(f"{d.root}/audit.log") or b"",
        "files of others": lambda: readable(d.root),
    }


def plant(drive):
    """The secret of the control into every place; the places that this is done to."""
    d = drive.d
    sleeper = subprocess.Popen([sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", d.root, PLANTED], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, env={**ENV, "PLANTED": PLANTED})
    sleeper.stdout.readline()
    drive.watcher.look()
    sleeper.communicate()
    drive.x("add", "-", stdin=f"trojan://{urllib.parse.quote(PLANTED, safe='')}@127.0.0.1:9?security=tls#{urllib.parse.quote(PLANTED)}\n")
    drive.x("show", "--show-secrets", str(len(d.sql("SELECT id FROM configs"))))
    for path in (d.log, glob.glob(f"{d.root}/logs/session-1-*")[0], f"{d.root}/audit.log"):
        with open(path, "a", encoding="utf-8") as f:
            f.write(json.dumps({"x": PLANTED}) + "\n")
    put(f"{d.root}/others.txt", b64("." + PLANTED))
    os.chmod(f"{d.root}/others.txt", 0o644)
    d.sql("UPDATE events SET message = ? WHERE id = (SELECT max(id) FROM events)", f"a {PLANTED}")
    d.sql("UPDATE connection_tests SET failure_reason = ? WHERE id = (SELECT max(id) FROM connection_tests)", urllib.parse.quote(PLANTED))
    d.sql("UPDATE runtime_sessions SET failure_reason = ? WHERE id = 1", PLANTED)
    d.sql("INSERT INTO settings VALUES ('planted', ?)", PLANTED)
    for name in ("b", "live"):
        drive.x("debug", "bundle", "--with-secrets", "--yes", "--output", f"{drive.work}/{name}.zip")


def search_all(drive):
    search, n = Search(SECRETS), 0
    for name, read in places(drive).items():
        data = read()
        for what, form, near in search.found(data):
            tally.expect(f"{name}: the {what} is not there", False, form, near)
        tally.expect(f"{name}: was read", len(data) > 0 or name in ("audit.log", "files of others"))
        n += 1
    return search, n


def control(drive):
    shouted = {w for w, f, _ in Search(SECRETS).found(session_logs(drive.d, True)) if len(f) >= len(SECRETS[w])}
    never = {w for w in SECRETS if w.startswith("subscription ")} | {"ss plugin"}  # no engine gets to know it
    tally.expect("control: the engine shouted all that it knows", shouted == set(SECRETS) - never, set(SECRETS) - never - shouted)
    for out in (drive.x("export", "--format", "json"), drive.x("export", "--format", "links", codes=(0, 1))):
        tally.expect("control: export has them", len({w for w, _, _ in Search(SECRETS).found(out)}) > 12, {w for w, _, _ in Search(SECRETS).found(out)})
    plant(drive)
    found, search = 0, Search({"planted": PLANTED})
    for name, read in places(drive).items():
        found += tally.expect(f"control: what is planted in '{name}' is found", bool(search.found(read())))
    return found


def main():
    missing = lacking()
    if missing:
        tally.skip(f"secrets of nodes: {' and '.join(missing)} not installed")
        tally.finish()
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as work:
        os.makedirs(f"{work}/root")
        drive = Drive(work)
        try:
            marks = [time.monotonic()]
            for step in (drive.nodes, drive.sessions, drive.shouts):
                step()
                marks.append(time.monotonic())
            search, n = search_all(drive)
            found = control(drive)
            print(f"{len(SECRETS)} secrets of {drive.n} nodes in {n} places: {search.searches} searches in {search.bytes} bytes; "
                  f"{len(drive.said)} commands, {len(drive.watcher.seen)} processes in {drive.watcher.looks} looks, {len(drive.d.rows())} sessions, "
                  f"controls found in {found} places; " + " ".join(f"{b - a:.1f}" for a, b in zip(marks, marks[1:])) + " s")
        except Exception as e:  # what runs is ended whatever happens
            tally.expect(repr(e), False, traceback.format_exc())
        finally:
            drive.watcher.over.set()
            code = drive.d.close()
            tally.expect("the daemon ends well", code == 0, code, drive.d.stderr()[-2000:])
            for node in Node.made:
                node.end()
    tally.finish()


if __name__ == "__main__":
    main()
