#!/usr/bin/env python3
"""v2ray.py ASK PAIRS SEED: the router against v2ray over real SOCKS connections.

Random rules, each with an outbound of its own that redirects to a port of its own here, so the port that a connection or a
datagram arrives at tells which rule v2ray chose; ASK (tests/programs/route_ask.c) is asked the same. Prints the seed, how many
flows met which rules, and the first difference; ends with 1 when there is one."""
import concurrent.futures
import ipaddress
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from common import PORTS  # noqa: E402  # pylint: disable=wrong-import-position

RULES = 24
HOSTS = {"one.test": "10.1.0.1", "two.test": "10.2.0.9", "three.example": "192.0.2.33", "four.lab": "10.1.9.9"}
LABELS = ["a", "b", "ab", "www", "x1", "mail"]
TOPS = ["test", "example", "lab", "com", "cn"]


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(n, x):
    return varint(n << 3) + varint(x)


def site(code, names):
    return field(1, field(1, code.encode()) + b"".join(
        field(2, number(1, kind) + field(2, value.encode()) + b"".join(field(3, field(1, a.encode()) + number(2, 1)) for a in attrs))
        for kind, value, attrs in names))


def nets(code, rows):
    return field(1, field(1, code.encode()) + b"".join(
        field(2, field(1, socket.inet_aton(a)) + number(2, bits)) for a, bits in rows))


GEOSITE = site("CN", [(2, "cn", []), (3, "www.a.com", ["ads"]), (0, "mail", ["ads"])]) + site(
    "LAB", [(2, "lab", []), (1, "^x[0-9]\\.", []), (3, "ab.example", [])])
GEOIP = nets("LAB", [("10.1.0.0", 16), ("10.3.4.0", 24)]) + nets("DOC", [("192.0.2.0", 24)])


def name(r):
    return ".".join([r.choice(LABELS) for _ in range(r.randint(0, 2))] + [r.choice(TOPS)])


def domain_item(r):
    n = name(r)
    return r.choice([f"full:{n}", f"domain:{n}", f"domain:{n}", n, f"keyword:{r.choice(LABELS)}", "geosite:cn", "geosite:lab",
                     "geosite:cn@ads", r.choice(["regexp:^a", "regexp:(com|lab)$", "regexp:x[0-9]\\.", "regexp:^[^.]*$"])])


def ip_item(r):
    return r.choice(["geoip:lab", "geoip:doc", f"10.{r.randint(1, 3)}.0.0/{r.choice([14, 16, 24])}",
                     f"10.{r.randint(1, 3)}.{r.randint(0, 4)}.{r.randint(0, 3)}", "192.0.2.0/27", "2001:db8::/32", "::/0", "0.0.0.0/1"])


def ip_items(r):
    """Networks of one rule apart from one another: v2ray 4.34 searches them sorted and misses what nested ones hold."""
    out, held = [], []
    for item in some(r, ip_item):
        if not item.startswith("geoip:"):
            net = ipaddress.ip_network(item, strict=False)
            if any(net.version == h.version and net.overlaps(h) for h in held):
                continue
            held.append(net)
        out.append(item)
    return out


def ports(r):
    return ",".join(r.choice([str(r.randint(1, 9)), f"{r.randint(1, 6)}-{r.randint(6, 10)}"]) for _ in range(r.randint(1, 2)))


def some(r, make, most=3):
    return [make(r) for _ in range(r.randint(1, most))]


def rule(r, i):
    makers = {
        "domain": lambda: some(r, domain_item), "ip": lambda: ip_items(r), "port": lambda: ports(r),
        "network": lambda: r.choice(["tcp", "udp", "tcp,udp"]),
        "source": lambda: some(r, lambda q: q.choice(["127.0.0.2", "127.0.0.0/31", "127.0.0.4/30", "127.0.0.3"]), 2),
        "sourcePort": lambda: r.choice(["1-40000", "40001-65535", "30000-50000"]),
        "user": lambda: some(r, lambda q: q.choice(["ann", "bob", "eve"]), 2),
        "inboundTag": lambda: some(r, lambda q: q.choice(["in", "login", "sniff"]), 2),
        "protocol": lambda: some(r, lambda q: q.choice(["http", "tls", "bittorrent"]), 2),
    }
    keys = r.sample(["domain", "domain", "ip", "ip", "port", "network", "source", "sourcePort", "user", "inboundTag", "protocol"],
                    r.choice([1, 2, 2, 3]))
    out = {k: makers[k]() for k in keys}
    if not set(out) - {"network"}:
        out["port"] = ports(r)
    return dict(out, type="field", outboundTag=f"o{i}")


class Sinks:
    """One TCP and one UDP socket on the same port for each rule and for the default; TCP answers with its number."""

    def __init__(self, n):
        self.ports, self.tcp, self.udp = [], [], []
        while len(self.ports) < n:
            t, u = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            t.bind(("127.0.0.1", PORTS.one()))
            u.bind(t.getsockname())
            t.listen(64)
            self.ports.append(t.getsockname()[1])
            self.tcp.append(t)
            self.udp.append(u)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        index = {s.fileno(): i for group in (self.tcp, self.udp) for i, s in enumerate(group)}
        poll = select.poll()
        for s in self.tcp + self.udp:
            poll.register(s, select.POLLIN)
        udp = {s.fileno(): s for s in self.udp}
        tcp = {s.fileno(): s for s in self.tcp}
        while True:
            for fd, _ in poll.poll():
                if fd in udp:
                    _, peer = udp[fd].recvfrom(2048)
                    udp[fd].sendto(b"%d" % index[fd], peer)
                    continue
                c, _ = tcp[fd].accept()
                c.sendall(b"%d\n" % index[fd])
                threading.Thread(target=drain, args=(c,), daemon=True).start()


def drain(c):
    try:
        while c.recv(4096):
            pass
    except OSError:
        pass
    c.close()


def read(s, n):
    out = b""
    while len(out) < n:
        got = s.recv(n - len(out))
        if not got:
            raise OSError("closed")
        out += got
    return out


def address(flow):
    port = struct.pack(">H", flow["port"])
    if "domain" in flow:
        return b"\x03" + bytes([len(flow["domain"])]) + flow["domain"].encode() + port
    v6 = ":" in flow["ip"]
    return (b"\x04" if v6 else b"\x01") + socket.inet_pton(socket.AF_INET6 if v6 else socket.AF_INET, flow["ip"]) + port


def connect(flow, inbounds):
    s = socket.socket()
    s.settimeout(10)
    s.bind((flow["source"], 0))
    s.connect(("127.0.0.1", inbounds[flow["inbound"]]))
    flow["sourcePort"] = s.getsockname()[1]
    s.sendall(b"\x05\x01\x02" if "account" in flow else b"\x05\x01\x00")
    read(s, 2)
    if "account" in flow:
        u = flow["account"].encode()
        s.sendall(b"\x01" + bytes([len(u)]) + u + b"\x09change-me")
        read(s, 2)
    return s


def reply(s):
    head = read(s, 4)
    read(s, {1: 4, 4: 16}[head[3]])
    return struct.unpack(">H", read(s, 2))[0]


def ask_tcp(flow, inbounds):
    with connect(flow, inbounds) as s:
        s.sendall(b"\x05\x01\x00" + address(flow))
        reply(s)
        s.sendall({"http": b"GET / HTTP/1.1\r\nHost: somewhere.invalid\r\n\r\n", "": b"hello there"}[flow.get("payload", "")])
        got = b""
        while not got.endswith(b"\n"):
            got += read(s, 1)
        return int(got)


def ask_udp(flow, inbounds):
    with connect(flow, inbounds) as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        s.sendall(b"\x05\x03\x00\x01\0\0\0\0\0\0")
        relay = reply(s)
        u.bind((flow["source"], 0))
        flow["sourcePort"] = u.getsockname()[1]
        u.settimeout(1)
        for _ in range(10): # datagrams may get lost
            u.sendto(b"\0\0\0" + address(flow) + b"hello", ("127.0.0.1", relay))
            try:
                data, _ = u.recvfrom(2048)
            except TimeoutError:
                continue
            return int(data[{1: 10, 3: 7 + data[4], 4: 22}[data[3]]:])
        raise OSError("no answer to a datagram")


def random_flow(r, strategy):
    flow = {"network": r.choice(["tcp", "tcp", "udp"]), "port": r.randint(1, 12), "source": f"127.0.0.{r.randint(1, 7)}",
            "inbound": r.choice(["in", "login", "sniff"])}
    if strategy != "AsIs":
        flow["domain"] = r.choice(list(HOSTS))
    elif r.random() < 0.6:
        flow["domain"] = name(r)
    if "domain" not in flow or r.random() < 0.2:
        flow.pop("domain", None)
        flow["ip"] = r.choice([f"10.{r.randint(1, 3)}.{r.randint(0, 4)}.{r.randint(0, 3)}", f"192.0.2.{r.randint(1, 60)}", "2001:db8::7"])
    if strategy != "AsIs" and "domain" in flow:
        flow["resolve"] = HOSTS[flow["domain"]]
    if flow["inbound"] == "login":
        flow["account"] = r.choice(["ann", "bob", "eve"])
        if flow["network"] == "tcp": # v2ray's SOCKS server does not pass the user of a datagram on
            flow["user"] = flow["account"]
    if flow["inbound"] == "sniff":
        flow.update(network="tcp", payload="http", protocol="http1")
    return flow


def config(rules, strategy, sinks, inbounds):
    def inbound(tag):
        settings = {"auth": "noauth", "udp": True, "ip": "127.0.0.1"}
        if tag == "login":
            settings.update(auth="password", accounts=[{"user": u, "pass": "change-me"} for u in ("ann", "bob", "eve")])
        return {"tag": tag, "listen": "127.0.0.1", "port": inbounds[tag], "protocol": "socks", "settings": settings,
                "sniffing": {"enabled": tag == "sniff", "destOverride": []}}
    outbounds = [{"tag": "default" if i == 0 else f"o{i - 1}", "protocol": "freedom", "settings": {"redirect": f"127.0.0.1:{p}"}}
                 for i, p in enumerate(sinks.ports)]
    return {"log": {"loglevel": "warning"}, "dns": {"hosts": HOSTS, "servers": ["127.0.0.1"]}, "inbounds": [inbound(t) for t in inbounds],
            "outbounds": outbounds, "routing": {"domainStrategy": strategy, "rules": rules}}


def wait_open(port, process):
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return True
        select.select([], [], [], 0.02)
    return False


def run_set(r, ask, asked, work, sinks, counts):
    """One set of rules, one v2ray. None, or what differs."""
    strategy = r.choice(["AsIs", "AsIs", "IPIfNonMatch", "IPOnDemand"])
    inbounds = dict((tag, PORTS.one()) for tag in ("in", "login", "sniff"))
    rules = [rule(r, i) for i in range(RULES)]
    path = os.path.join(work, "config.json")
    with open(path, "w") as f:
        json.dump(config(rules, strategy, sinks, inbounds), f)
    with open(os.path.join(work, "log"), "w") as log:
        engine = subprocess.Popen(["v2ray", "-config", path], stdout=log, stderr=log, env=dict(os.environ, V2RAY_LOCATION_ASSET=work))
    try:
        if not wait_open(inbounds["sniff"], engine):
            return "v2ray does not start: " + open(os.path.join(work, "log")).read()[-600:]
        flows = [random_flow(r, strategy) for _ in range(asked)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda f: (ask_udp if f["network"] == "udp" else ask_tcp)(f, inbounds) - 1, flows))
    finally:
        engine.terminate()
        engine.wait()
    lines = "".join(" ".join(f"{k}={v}" for k, v in f.items() if k not in ("payload", "account")) + "\n" for f in flows)
    ours = subprocess.run([ask, path, work], input=lines, capture_output=True, text=True, check=True).stdout.split()
    for f, theirs, mine in zip(flows, got, map(int, ours)):
        counts["matched"] += theirs >= 0
        counts["winners"].add((counts["sets"], theirs))
        if theirs != mine:
            return f"{strategy} {json.dumps(f)}: v2ray takes rule {theirs}, the router {mine}\n" + "\n".join(
                f"{i} {json.dumps(x)}" for i, x in enumerate(rules))
    counts["pairs"] += len(flows)
    counts["sets"] += 1
    return None


def main():
    ask, pairs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    r = random.Random(seed)
    counts = {"pairs": 0, "matched": 0, "sets": 0, "winners": set()}
    print(f"seed {seed}")
    sinks = Sinks(RULES + 1)
    with tempfile.TemporaryDirectory() as work:
        for file, data in (("geosite.dat", GEOSITE), ("geoip.dat", GEOIP)):
            with open(os.path.join(work, file), "wb") as f:
                f.write(data)
        while counts["pairs"] < pairs:
            different = run_set(r, ask, min(100, pairs - counts["pairs"]), work, sinks, counts)
            if different:
                print(different)
                return 1
    print(f"{counts['pairs']} flows through {counts['sets']} sets of rules, {100 * counts['matched'] // counts['pairs']}% match, "
          f"{len(counts['winners'])} different winners")
    return 0


sys.exit(main())
