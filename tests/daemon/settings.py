#!/usr/bin/env python3
"""Keys of config.toml by what they do to traffic, files and requests, with engines that run; words pick cases by name. That
every key changes the rendered file is told by tests/golden/session/every-key."""
import glob
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from dbed import Tally, bed, free_port, get, until

import sessbed
from sessbed import Node, PASSWORD, Sessions, exactly, lacking

tally = Tally("settings")
made = []


# --- .dat files, name servers, servers of nodes ---
def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def geo_files(folder):
    """geosite:mine is localhost, geoip:mine is 127.0.0.9."""
    os.makedirs(folder, exist_ok=True)
    domain = bytes([8, 3]) + field(2, b"localhost")
    with open(f"{folder}/geosite.dat", "wb") as f:
        f.write(field(1, field(1, b"MINE") + field(2, domain)))
    cidr = field(1, bytes([127, 0, 0, 9])) + bytes([16, 32])
    with open(f"{folder}/geoip.dat", "wb") as f:
        f.write(field(1, field(1, b"MINE") + field(2, cidr)))
    return folder


class NameServer:
    """Over TCP; every name is 127.0.0.9, and what was asked is kept: (name, "A" or "AAAA")."""

    def __init__(self):
        self.asked = []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"tcp://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                s = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            while True:
                q = exactly(s, int.from_bytes(exactly(s, 2), "big"))
                end = q.index(b"\0", 12)
                kind = q[end + 2]
                labels, at = [], 12
                while q[at]:
                    labels.append(q[at + 1:at + 1 + q[at]].decode())
                    at += 1 + q[at]
                self.asked.append((".".join(labels), {1: "A", 28: "AAAA"}.get(kind, kind)))
                answer = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x7f\0\0\x09" if kind == 1 else b""
                reply = q[:2] + b"\x81\x80\0\1" + (b"\0\1" if answer else b"\0\0") + b"\0\0\0\0" + q[12:end + 5] + answer
                s.sendall(len(reply).to_bytes(2, "big") + reply)
        except (OSError, ValueError):
            s.close()


class Counter:
    """Passes connections on to a port, and counts them; keeps what the first of each begins with."""

    def __init__(self, port):
        self.to, self.count = port, 0
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            s = self.socket.accept()[0]
            self.count += 1
            there = socket.create_connection(("127.0.0.1", self.to))
            for a, b in ((s, there), (there, s)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


# --- asking ---
def greet(s, user=None):
    if user is None:
        s.sendall(b"\5\1\0")
        if exactly(s, 2) != b"\5\0":
            raise OSError("the greeting is refused")
        return
    s.sendall(b"\5\1\2")
    if exactly(s, 2) != b"\5\2":
        raise OSError("passwords are refused")
    name, word = (x.encode() for x in user)
    s.sendall(b"\1" + bytes([len(name)]) + name + bytes([len(word)]) + word)
    if exactly(s, 2)[1]:
        raise OSError("the password is refused")


def page(port, to="127.0.0.1", listen="127.0.0.1", user=None, host=None, http=False):
    """From where the page was asked; None when none came. host: of the request's header."""
    web = sessbed.web().port
    try:
        with socket.create_connection((listen, port), 5) as s:
            s.settimeout(5)
            if http:
                word = f"Proxy-Authorization: Basic {http}\r\n" if isinstance(http, str) else ""
                s.sendall(f"GET http://{to}:{web}/ HTTP/1.1\r\nHost: {to}:{web}\r\n{word}Connection: close\r\n\r\n".encode())
            else:
                greet(s, user)
                s.sendall(b"\5\1\0\3" + bytes([len(to)]) + to.encode() + web.to_bytes(2, "big"))
                if exactly(s, 10)[1]:
                    return None
                s.sendall(f"GET / HTTP/1.0\r\nHost: {host or f'{to}:{web}'}\r\n\r\n".encode())
            data = b""
            while more := s.recv(4096):
                data += more
    except OSError:
        return None
    head, _, body = data.partition(b"\r\n\r\n")
    return body.decode() if b" 200 " in head.split(b"\r\n")[0] else None


def associates(port):
    """Whether UDP is allowed."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            greet(s)
            s.sendall(b"\5\3\0\1\0\0\0\0\0\0")
            return exactly(s, 10)[1] == 0
    except OSError:
        return False


def listens(port, host="127.0.0.1"):
    """Whether somebody listens at this address and port, TCP; 0.0.0.0 may be [::] for an engine."""
    found = set()
    for name in ("tcp", "tcp6"):
        for line in (get(f"/proc/net/{name}") or b"").decode().splitlines()[1:]:
            words = line.split()
            addr, _, number = words[1].partition(":")
            if words[3] == "0A" and int(number, 16) == port:
                found.add(socket.inet_ntoa(struct.pack("=I", int(addr[-8:], 16))))
    return host in found


class Keys(Sessions):
    """config.toml as dotted lines, over those that every case has."""

    def __init__(self, path, engine, links):
        self.lines = ""
        super().__init__(path, engine, links)

    def configure(self, port=None):
        base = {"runtime.engine": f'"{self.engine}"', "runtime.socks.port": str(port or self.port),
                "runtime.rotation.probe_url": f'"{sessbed.web().url()}"'}
        given = dict(x.split(" = ", 1) for x in self.lines.splitlines() if x)
        with open(f"{self.root}/config.toml", "w", encoding="utf-8") as f:
            f.write("".join(f"{k} = {v}\n" for k, v in {**base, **given}.items()))

    def with_lines(self, *lines, node=1):
        """Connected anew with these; the reply."""
        self.lines = "\n".join(lines)
        self.configure()
        return self.connect_node(node)

    def connected(self, what, *lines, node=1):
        reply = self.with_lines(*lines, node=node)
        return tally.expect(f"{self.engine}: {what}: connects", reply["ok"], reply, self.stderr()[-800:])

    def engine_log(self, kind):
        """The engine's log of the newest session."""
        path = json.loads(get(self.rows()[-1]["engine_config_path"]))["log"][kind]
        return (get(path) or b"").decode(errors="replace")


def new(work, engine, nodes, env=None):
    d = Keys(f"{work}/{engine}-{len(made)}", engine, [n if isinstance(n, str) else n.link for n in nodes])
    made.append(d)
    tally.expect(f"{engine}: the daemon starts", d.up(env=env), d.stderr())
    return d


# --- listeners ---
def listeners(work, engine, one):
    t, d = tally, new(work, engine, (one,))
    account = ('runtime.socks.auth = { enabled = true, username = "alice", password = "change-me-a" }',)
    if d.connected("socks.auth", *account):
        t.expect(f"{engine}: socks.auth: who has the password", page(d.port, user=("alice", "change-me-a")) == one.source)
        t.expect(f"{engine}: socks.auth: who has not", [page(d.port), page(d.port, user=("alice", "no")), page(d.port, user=("bob", "change-me-a"))]
                 == [None] * 3)
    port = free_port()
    if d.connected("http.enabled, socks.enabled = false", "runtime.socks.enabled = false", "runtime.http.enabled = true",
                   f"runtime.http.port = {port}"):
        t.expect(f"{engine}: http.enabled", page(port, http=True) == one.source)
        t.expect(f"{engine}: socks.enabled = false", until(5, lambda: not listens(d.port)) and listens(port))
        t.expect(f"{engine}: the row has the port", d.rows()[-1]["http_port"] == port and d.rows()[-1]["socks_port"] is None, d.rows()[-1])
    if d.connected("http.auth", "runtime.http.enabled = true", f"runtime.http.port = {port}",
                   'runtime.http.auth = { enabled = true, username = "bob", password = "change-me" }'):
        t.expect(f"{engine}: http.auth", page(port, http="Ym9iOmNoYW5nZS1tZQ==") == one.source and page(port, http=True) is None and
                 page(port, http="Ym9iOm5v") is None)
    if d.connected("socks.udp = false", "runtime.socks.udp = false"):
        t.expect(f"{engine}: socks.udp = false", not associates(d.port) and page(d.port) == one.source)
    if d.connected("socks.udp", "runtime.socks.udp = true"):
        t.expect(f"{engine}: socks.udp", associates(d.port))
    if d.connected("socks.host", 'runtime.socks.host = "127.0.0.5"'):
        t.expect(f"{engine}: socks.host", listens(d.port, "127.0.0.5") and until(5, lambda: not listens(d.port)) and
                 page(d.port, listen="127.0.0.5") == one.source)
    reply = d.with_lines('runtime.socks.host = "0.0.0.0"')
    t.expect(f"{engine}: beyond loopback without an account: refused", not reply["ok"] and
             "XR191" in reply["message"], reply)
    t.expect(f"{engine}: and what ran stays", page(d.port, listen="127.0.0.5") == one.source)
    if d.connected("allow_lan", 'runtime.socks.host = "0.0.0.0"', "runtime.allow_lan = true"):
        t.expect(f"{engine}: allow_lan", listens(d.port, "0.0.0.0") and page(d.port, listen="127.0.0.6") == one.source)
    if d.connected("an account beyond loopback", 'runtime.socks.host = "0.0.0.0"', *account):
        t.expect(f"{engine}: an account is as good", listens(d.port, "0.0.0.0"))


# --- rules, sniffing, names ---
def blocked(d, what, lines, **more):
    """A page before, none with these lines, and the node's again without."""
    if d.connected(what, *lines):
        tally.expect(f"{d.engine}: {what}", page(d.port, **more) is None)


def rules(work, engine, one):
    t, assets = tally, geo_files(f"{work}/assets-{engine}")
    d = new(work, engine, (one,), env={"XRAY_LOCATION_ASSET": assets, "V2RAY_LOCATION_ASSET": assets})
    if d.connected("no rule"):
        t.expect(f"{engine}: without a rule all goes to the node", page(d.port) == page(d.port, "localhost") == one.source)
    kinds = (("ip", '["127.0.0.1/32"]', "127.0.0.1"), ("geosite", '["mine"]', "localhost"), ("domain", '["full:localhost"]', "localhost"))
    for what, line, to in kinds[:3 if engine == "builtin" else 2]:  # another engine takes a second to come
        if d.connected(f"direct.{what}", f"routing.direct.{what} = {line}", 'routing.domain_strategy = "AsIs"'):
            t.expect(f"{engine}: direct.{what}", page(d.port, to) == "127.0.0.1" and
                     (what == "ip" or page(d.port) == one.source), page(d.port, to), page(d.port))
        if d.connected(f"block.{what}", f"routing.block.{what} = {line}", 'routing.domain_strategy = "AsIs"'):
            t.expect(f"{engine}: block.{what}", page(d.port, to) is None)
    # Names become addresses for the rules alone when nothing else matches.
    hosts = 'dns.hosts = { "localhost" = "127.0.0.9" }'
    for what, line in (("geoip", '["mine"]'), ("ip", '["127.0.0.9/32"]'))[:2 if engine == "builtin" else 1]:
        blocked(d, f"block.{what} of a name that dns.hosts knows", (f"routing.block.{what} = {line}", hosts), to="localhost")
        if d.connected(f"domain_strategy AsIs, {what}", f"routing.block.{what} = {line}", hosts, 'routing.domain_strategy = "AsIs"'):
            t.expect(f"{engine}: domain_strategy AsIs asks nobody, {what}", page(d.port, "localhost") == one.source)
    if d.connected("direct before block", 'routing.direct.domain = ["full:localhost"]', 'routing.block.domain = ["full:localhost"]'):
        t.expect(f"{engine}: direct stands before block", page(d.port, "localhost") == "127.0.0.1")


def sniffing(work, one):
    t, d = tally, new(work, "builtin", (one,))
    rule = 'routing.block.domain = ["full:bad.example"]'
    blocked(d, "sniffing: a name in the request is seen by rules", (rule,), host="bad.example")
    t.expect("sniffing.route_only: and goes nowhere else", page(d.port, host="good.example") == one.source)
    for line in ("runtime.sniffing.enabled = false", 'runtime.sniffing.dest_override = ["tls", "quic"]', "runtime.sniffing.metadata_only = true",
                 'runtime.sniffing.domains_excluded = ["full:bad.example"]', 'runtime.sniffing.ips_excluded = ["127.0.0.1/32"]'):
        if d.connected(line, rule, line):
            t.expect(f"{line}: it is not seen", page(d.port, host="bad.example") == one.source)
    # Not for rules alone: the name is where it goes, which the node does not know.
    if d.connected("route_only = false", "runtime.sniffing.route_only = false"):
        t.expect("sniffing.route_only = false", page(d.port, host="nobody.invalid") is None and page(d.port, host="localhost") == one.source)


def names(work, one):
    t, d, server = tally, new(work, "builtin", (one,)), NameServer()
    base = (f'dns.servers = ["{server.url}"]', 'routing.block.ip = ["127.0.0.9/32"]', 'routing.direct.ip = ["127.0.0.1/32"]')

    def asked(*lines, times=1, name="localhost"):
        if not d.connected(" ".join(lines) or "dns.servers", *base, *lines):
            return None, []
        server.asked.clear()
        got = [page(d.port, name) for _ in range(times)]
        return got[-1], sorted(server.asked)

    got, seen = asked(name="name.example")
    t.expect("dns.servers: asked, and what it says counts", got is None and ("name.example", "A") in seen, got, seen)
    for word, kinds in (("UseIPv4", {"A"}), ("UseIPv6", {"AAAA"}), ("UseIP", {"A", "AAAA"})):
        _, seen = asked(f'dns.query_strategy = "{word}"', name="name.example")
        t.expect(f"dns.query_strategy {word}", {k for _, k in seen} == kinds, seen)
    workers = os.cpu_count()  # each has a cache
    _, once = asked('dns.query_strategy = "UseIPv4"', times=workers + 6, name="name.example")
    _, often = asked('dns.query_strategy = "UseIPv4"', "dns.disable_cache = true", times=workers + 6, name="name.example")
    t.expect("dns.disable_cache", 1 <= len(once) <= workers and len(often) == workers + 6, once, often)
    reply = d.with_lines("dns.use_system_hosts = true")
    t.expect("dns.use_system_hosts: refused where the engine has none", not reply["ok"] and "XR620" in reply["message"], reply)
    got, seen = asked("dns.use_system_hosts = false")
    t.expect("dns.use_system_hosts = false: the server is asked for localhost", got is None and seen, got, seen)
    got, seen = asked('dns.hosts = { "own.example" = "127.0.0.9" }', name="own.example")
    t.expect("dns.hosts: nobody is asked", got is None and not seen, got, seen)
    # A second server that is asked when the first one says nothing.
    silent = socket.socket()  # nobody listens there
    silent.bind(("127.0.0.1", 0))
    two = f'dns.servers = ["tcp://127.0.0.1:{silent.getsockname()[1]}", "{server.url}"]'
    got, seen = asked(two, "dns.enable_parallel_query = false", name="name.example")
    t.expect("dns.servers: the next one is asked", got is None and seen, got, seen)
    got, seen = asked(two, "dns.disable_fallback = true", "dns.enable_parallel_query = false", name="name.example")
    t.expect("dns.disable_fallback: it is not", not seen, got, seen)
    silent.close()
    asked(name="silent.example")
    t.expect("log.dns_log = false", "dns " not in d.engine_log("access"), d.engine_log("access"))
    for mask, shown in (("none", "127.0.0.9"), ("half", "127.0.*.*")):
        asked("runtime.log.dns_log = true", f'runtime.log.mask = "{mask}"', name="logged.example")
        line = [x for x in d.engine_log("access").splitlines() if " dns " in x]
        t.expect(f"log.dns_log, log.mask {mask}", len(line) == 1 and line[0].endswith(f" dns logged.example -> {shown} ttl: 3600"), line)


# --- logs ---
def logs(work, engine, one):
    t, d = tally, new(work, engine, (one,))
    if d.connected("log"):
        page(d.port)
        t.expect(f"{engine}: log.enabled: the access log", until(5, lambda: f"127.0.0.1:{sessbed.web().port}" in d.engine_log("access")), d.engine_log("access"))
        t.expect(f"{engine}: its mode", os.stat(glob.glob(f"{d.root}/logs/session-1-*.access.log")[0]).st_mode & 0o77 == 0)
    if d.connected("log.enabled = false", "runtime.log.enabled = false"):
        page(d.port)
        t.expect(f"{engine}: log.enabled = false", not [n for n in os.listdir(f"{d.root}/logs") if n.startswith("session-2")],
                 os.listdir(f"{d.root}/logs"))
    folder = f"{work}/logs of {engine}"
    if d.connected("log.dir", f'runtime.log.dir = "{folder}"'):
        page(d.port)
        t.expect(f"{engine}: log.dir", until(5, lambda: glob.glob(f"{folder}/session-3-*.access.log")))
    for level, said in (("info", True), ("none", False)):
        if d.connected(f"log.level {level}", f'runtime.log.level = "{level}"'):
            page(d.port)
            page(d.port, "127.0.0.7")
            t.expect(f"{engine}: log.level {level}", bool(until(5 if said else 0, lambda: d.engine_log("error"))) == said, d.engine_log("error"))
    if engine != "builtin":
        reply = d.with_lines('runtime.log.mask = "half"')
        t.expect(f"{engine}: log.mask is refused, not forgotten", not reply["ok"] and "XR614" in reply["message"], reply)
        return
    for word, seen in (("quarter", "127."), ("half", "127.0."), ("full", "")):
        if d.connected(f"log.mask {word}", f'runtime.log.mask = "{word}"'):
            page(d.port)
            text = until(5, lambda: d.engine_log("access"))
            t.expect(f"log.mask {word}", text and "127.0.0.1" not in text and (not seen or seen in text), text)


# --- the engine ---
def engine_keys(work, one):
    t, d = tally, new(work, "v2ray", (one,))
    mark, script = f"{work}/was-run", f"{work}/own v2ray"
    with open(script, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\necho \"$*\" >>'{mark}'\nexec {shutil.which('v2ray')} \"$@\"\n")
    os.chmod(script, 0o755)
    if d.connected("paths.v2ray", f'paths.v2ray = "{script}"'):
        t.expect("paths.v2ray: that program runs", "session-1.json" in (get(mark) or b"").decode() and page(d.port) == one.source, get(mark))
    d.disconnect()
    d.engine = "xray"
    reply = d.with_lines(f'paths.xray = "{work}/no xray"')
    t.expect("paths.xray: the one that is named or none", not reply["ok"] and "xray" in reply["message"], reply)
    # Says no version: what config.toml says counts.
    mute = f"{work}/mute"
    with open(mute, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\nfor f; do case $f in *.json) cp \"$f\" '{work}/seen.json' ;; esac; done\ncase \"$*\" in *version*) exit 1 ;; esac\nexit 23\n")
    os.chmod(mute, 0o755)
    shapes = {}
    for version in ("26.2", "26.7"):
        d.with_lines(f'paths.xray = "{mute}"', f'runtime.engine_version = "{version}"')
        shapes[version] = "servers" in json.loads(get(f"{work}/seen.json") or b'{"outbounds":[{"settings":{}}]}')["outbounds"][0]["settings"]
    t.expect("engine_version: what is compiled for", shapes == {"26.2": True, "26.7": False}, shapes, d.stderr()[-500:])
    d.engine = "auto"
    if d.connected("engine = auto"):
        t.expect("engine = auto", d.rows()[-1]["engine"] == ("xray" if shutil.which("xray") else "v2ray"), d.rows()[-1])


def muxed(work, one):
    """A VMess server of v2ray behind a counter of connections: five conversations at a time through one or through five."""
    del one
    t, port, uuid = tally, free_port(), "00000000-0000-4000-8000-00000000abcd"
    file = f"{work}/vmess.json"
    with open(file, "w", encoding="utf-8") as f:
        json.dump({"log": {"loglevel": "none"}, "inbounds": [{"protocol": "vmess", "listen": "127.0.0.1", "port": port, "settings": {
            "clients": [{"id": uuid}]}}], "outbounds": [{"protocol": "freedom"}]}, f)
    server = Node.__new__(Node)
    server.proc = subprocess.Popen(["v2ray", "-config", file], stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    Node.made.append(server)
    t.expect("mux: the server is there", until(10, lambda: listens(port)))
    counter = Counter(port)
    d = new(work, "v2ray", (f"vmess://{uuid}@127.0.0.1:{counter.port}?type=tcp&encryption=none#v",))

    def connections(*lines):
        if not d.connected("mux", *lines):
            return None
        page(d.port)
        before, held = counter.count, [open_way(d.port) for _ in range(5)]
        for s in held:
            s.recv(4096)
            s.close()
        return counter.count - before

    with_mux, without = connections("runtime.mux.enabled = true", "runtime.mux.concurrency = 8"), connections()
    t.expect("mux.enabled: one connection for five", with_mux is not None and with_mux <= 1 and without >= 5, with_mux, without)
    few = connections("runtime.mux.enabled = true", "runtime.mux.concurrency = 2")
    t.expect("mux.concurrency: two on one", few and 2 <= few <= 4, few)
    reply = d.with_lines("runtime.fragment.enabled = true")
    t.expect("fragment: refused where the engine has none", not reply["ok"] and "XR620" in reply["message"], reply)


def open_way(port):
    """A request whose answer takes a second."""
    s = socket.create_connection(("127.0.0.1", port), 5)
    s.settimeout(5)
    greet(s)
    s.sendall(b"\5\1\0\1\x7f\0\0\1" + sessbed.web().port.to_bytes(2, "big"))
    exactly(s, 10)
    s.sendall(b"GET /slow HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    return s


def shadowsocks(work, one):
    """Through a second v2ray, which speaks Shadowsocks to the session's listener."""
    t, d, port, local = tally, new(work, "v2ray", (one,)), free_port(), free_port()
    lines = ("runtime.shadowsocks.enabled = true", f"runtime.shadowsocks.port = {port}", f'runtime.shadowsocks.password = "{PASSWORD}"')
    file, client = f"{work}/ss.json", Node.__new__(Node)
    with open(file, "w", encoding="utf-8") as f:
        json.dump({"log": {"loglevel": "none"}, "inbounds": [{"protocol": "socks", "listen": "127.0.0.1", "port": local}], "outbounds": [
            {"protocol": "shadowsocks", "settings": {"servers": [{"address": "127.0.0.1", "port": port, "method": "aes-256-gcm",
                                                                  "password": PASSWORD}]}}]}, f)
    client.proc = subprocess.Popen(["v2ray", "-config", file], stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    Node.made.append(client)
    until(10, lambda: listens(local))
    if d.connected("shadowsocks", *lines, 'runtime.shadowsocks.method = "aes-256-gcm"'):
        t.expect("shadowsocks: method and password", page(local) == one.source)
    if d.connected("shadowsocks.method", *lines):
        t.expect("shadowsocks.method: another one does not", page(local) is None and page(d.port) == one.source)
    reply = d.with_lines(*lines[:2])
    t.expect("shadowsocks.password is required", not reply["ok"] and "XR192" in reply["message"], reply)


# --- Xray ---
class Hello:
    """Takes what a TLS client says first: the length of its first record, in each connection."""

    def __init__(self):
        self.lengths = []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            s = self.socket.accept()[0]
            s.settimeout(5)
            try:
                self.lengths.append(int.from_bytes(exactly(s, 5)[3:], "big"))
            except OSError:
                pass
            s.close()


def xray_program(work):
    """The Xray of this machine as a program; None where there is none."""
    python = [p for p in (f"{bed.TOP}/build/xray/bin/python3", sys.executable) if os.path.exists(p) and not subprocess.run(
        [p, "-c", "import xray; xray.startFromJSON"], capture_output=True, check=False).returncode]
    found = os.environ.get("XRAT_TEST_XRAY") or shutil.which("xray")
    if found or not python:
        return found
    script = f"{work}/xray"
    with open(script, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\nexec {python[0]} {bed.TOP}/tests/interop/xray-run \"$@\"\n")
    os.chmod(script, 0o755)
    return script


def xray_keys(work, one):
    """What only Xray has: fragments; that it takes mux and all of dns; and it runs a session."""
    program = xray_program(work)
    if not program:
        tally.skip("settings: no Xray here")
        return
    t, hello = tally, Hello()
    d = new(work, "xray", (one, f"trojan://change-me@127.0.0.1:{hello.port}?security=tls&sni=a.example#hello"), env={"PATH": f"{os.path.dirname(sys.executable)}:/usr/bin:/bin"})
    base = (f'paths.xray = "{program}"',)
    if d.connected("all of dns and log", *base, "dns.use_system_hosts = true", 'dns.query_strategy = "UseIPv4"', "dns.disable_cache = true",
                   "dns.disable_fallback = true", "dns.enable_parallel_query = true", "runtime.log.dns_log = true", 'runtime.log.mask = "half"',
                   'dns.hosts = { "a.example" = "127.0.0.9" }', 'routing.block.ip = ["127.0.0.9/32"]'):
        t.expect("xray: a page", until(5, lambda: page(d.port) == one.source))
        t.expect("xray: log.mask", until(5, lambda: "127.0." in d.engine_log("access")) and "127.0.0.1" not in d.engine_log("access"),
                 d.engine_log("access"))
        t.expect("xray: dns.hosts and block.ip", page(d.port, "a.example") is None)
    shortest = {}
    for line in ("runtime.fragment.enabled = false", "runtime.fragment.enabled = true"):
        hello.lengths.clear()
        d.with_lines(*base, line, "runtime.fragment.length = [20, 30]", "runtime.fragment.interval = [1, 2]",
                     "runtime.mux.enabled = true", 'runtime.mux.xudp_concurrency = 16', 'runtime.mux.xudp_proxy_udp443 = "skip"', node=2)
        shortest[line] = min(until(10, lambda: list(hello.lengths)) or [0])
    t.expect("xray: fragment cuts the hello, mux beside it", shortest["runtime.fragment.enabled = false"] > 100 and
             0 < shortest["runtime.fragment.enabled = true"] <= 30, shortest, d.stderr()[-600:])


# --- what a terminal is told ---
def words(work, one):
    """Names of strangers and words of engines cannot change the look of other lines; times are times."""
    t, d = tally, new(work, "builtin", (one.link.partition("#")[0] + "#rtl%E2%80%AEgnp",))
    code, out, err = d.xrat("connect", "1")
    t.expect("words: connect", code == 0 and "node 1 'rtl\\u202egnp'" in out, out, err)
    code, out, err = d.xrat("status")
    t.expect("words: status", code == 0 and "node 1 'rtl\\u202egnp'" in out and "\u202e" not in out and "(reachable)" in out, out, err)
    ref = d.sql("SELECT ref FROM configs")[0]["ref"]
    code, out, err = d.xrat("connect", ref[:7])
    t.expect("words: connect by the beginning of a ref", code == 0 and "node 1 '" in out and "session 2" in out, out, err)
    t.expect("words: a digit is a number, never the beginning of a ref", d.xrat("connect", "9")[0] == 7)
    d.xrat("rotate", "enable")
    code, out, err = d.xrat("proxy", "status")
    t.expect("words: proxy status tells times", re.search(r"^next by timer +20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$", out, re.M), out, err)
    code, out, err = d.xrat("disconnect")
    stopped = d.status()["stopped_at"]
    code, out, err = d.xrat("status")
    t.expect("words: status of one that has ended", code == 0 and f"stopped since {stopped}" in out and "1080" not in out and
             str(d.port) not in out and "'rtl\\u202egnp'" in out and "a node" not in out, out, err)
    script = f"{work}/v2ray"
    with open(script, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\nprintf 'I do \\033[31mnot like it' >&2\nexit 23\n")
    os.chmod(script, 0o755)
    d.engine, d.lines = "v2ray", f'paths.v2ray = "{script}"'
    d.configure()
    code, out, err = d.xrat("connect", "1")
    t.expect("words: what an engine says", code != 0 and "not like it" in err and "\x1b" not in err, repr(err))
    code, out, err = d.xrat("status")
    t.expect("words: and status", "not like it" in out and "\x1b" not in out, repr(out))
    t.expect("words: and the log", "not like it" in d.stderr() and "\x1b" not in d.stderr(), repr(d.stderr()[-300:]))


# --- rotation ---
def trigger(work, one):
    """health_trigger_enabled = false: it is told, and nothing rotates."""
    del one
    t, nodes = tally, [Node(92), Node(93)]
    d = new(work, "builtin", nodes)
    lines = ("runtime.health_tick_secs = 1", "runtime.rotation.enabled = true", "runtime.rotation.health_failure_threshold = 2",
             "runtime.rotation.health_trigger_enabled = false", "runtime.rotation.cooldown_secs = 1")
    d.lines = "\n".join(lines)
    d.configure()
    d.proc.send_signal(signal.SIGHUP)
    until(10, lambda: "was read again" in d.stderr())
    d.xrat("test")
    if d.connected("health_trigger_enabled = false", *lines):
        nodes[0].end()
        t.expect("health_trigger_enabled = false: failures are told", until(30, lambda: proxy(d)["consecutive_health_failures"] >= 4), proxy(d))
        p = proxy(d)
        t.expect("health_trigger_enabled = false: nothing rotates", p["last_result"] is None and p["active_config_id"] == 1 and
                 d.status()["runtime_status"] == "degraded", p, d.status())
        d.lines = d.lines.replace("health_trigger_enabled = false", "health_trigger_enabled = true")
        d.configure()
        d.proc.send_signal(signal.SIGHUP)
        t.expect("health_trigger_enabled = true: the next one", until(20, lambda: page(d.port) == nodes[1].source), proxy(d))


def proxy(d):
    return d.ask({"protocol_version": 1, "request": {"type": "proxy_status"}})["payload"]


EACH = (listeners, rules, logs)
ONCE = (sniffing, names, engine_keys, muxed, shadowsocks, xray_keys, words, trigger)


def guarded(fn, *args):
    begin = time.monotonic()
    try:
        fn(*args)
    except Exception as e:  # one case must not take the others along
        tally.expect(f"{fn.__name__}: {e!r}", False, traceback.format_exc())
    print(f"{fn.__name__} {args[1] if len(args) == 3 else ''}: {time.monotonic() - begin:.1f} s", flush=True)


def main():
    missing = lacking()
    if missing:
        tally.skip(f"settings: {' and '.join(missing)} not installed")
        tally.finish()
    wanted = sys.argv[1:]
    sessbed.web()
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as work:
        one, threads = Node(91), []
        cases = [(fn, (f"{work}/{fn.__name__}", e, one)) for fn in EACH for e in sessbed.ENGINES]
        cases += [(fn, (f"{work}/{fn.__name__}", one)) for fn in ONCE]
        for fn, args in cases:
            os.makedirs(args[0], exist_ok=True)
            if not wanted or fn.__name__ in wanted:
                threads.append(threading.Thread(target=guarded, args=(fn, *args)))
        for x in threads:
            x.start()
        for x in threads:
            x.join()
        for d in made:
            code = d.close()
            tally.expect(f"{d.root}: it ends well", code == 0 and not any(w in d.stderr() for w in ("Sanitizer", "runtime error")),
                         code, d.stderr())
        for node in Node.made:
            node.end()
        left = bed.process_of(work)
        tally.expect("nothing is left running", not left, left)
    tally.finish()


if __name__ == "__main__":
    main()
