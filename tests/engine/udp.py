"""Datagrams: SOCKS associations, tunnels, what netfilter brings."""
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

from engbed import FREEDOM, LIMIT, PORTS, SANITIZED, TOP, Bed, Skip, check, echo, pattern, recv_all, recv_exact, until

QUIET = 0.4  # seconds in which something must not happen


class UdpServer:
    """Answers each datagram with what reply(data, client) returns (None: nothing)."""

    def __init__(self, reply=lambda data, client: data, host="127.0.0.1", port=0):
        self.reply, self.clients, self.seen = reply, [], []
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.bind((host, port))
        self.host, self.port = self.socket.getsockname()[:2]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                data, client = self.socket.recvfrom(65536)
                if client is None:
                    return  # closed
                self.clients.append(client)
                self.seen.append(data)
                answer = self.reply(data, client)
                if answer is not None:
                    self.socket.sendto(answer, client)
            except OSError:
                return

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        except OSError:
            pass
        self.socket.close()


def address(host, port):
    try:
        return b"\1" + socket.inet_aton(host) + struct.pack(">H", port)
    except OSError:
        pass
    if ":" in host:
        return b"\4" + socket.inet_pton(socket.AF_INET6, host) + struct.pack(">H", port)
    return b"\3" + bytes([len(host)]) + host.encode() + struct.pack(">H", port)


def read_address(b):
    if b[0] == 1:
        return socket.inet_ntoa(b[1:5]), struct.unpack(">H", b[5:7])[0], b[7:]
    check(b[0] == 4, f"an address of type {b[0]}")
    return socket.inet_ntop(socket.AF_INET6, b[1:17]), struct.unpack(">H", b[17:19])[0], b[19:]


class Association:
    def __init__(self, bed, source=None, code=0, tcp=None):
        self.tcp = tcp or bed.client()
        self.tcp.sendall(b"\5\1\0\5\3\0\1\0\0\0\0\0\0")
        check(recv_exact(self.tcp, 2) == b"\5\0", "the method")
        reply = recv_exact(self.tcp, 10)
        check(reply[1] == code, f"reply {reply[1]} instead of {code}")
        if code:
            return
        self.relay = read_address(reply[3:])[:2]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.udp.settimeout(LIMIT)
        if source:
            self.udp.bind((source, 0))
        bed.things.append(self.udp)

    def send(self, data, port, host="127.0.0.1", head=b"\0\0\0"):
        self.udp.sendto(head + address(host, port) + data, self.relay)

    def recv(self, timeout=LIMIT):
        """(data, host, port of who it is from), or None when nothing comes."""
        self.udp.settimeout(timeout)
        try:
            b = self.udp.recv(65536)
        except socket.timeout:
            return None
        check(b[:3] == b"\0\0\0", "the header of a datagram")
        host, port, data = read_address(b[3:])
        return data, host, port

    def ask(self, data, port, host="127.0.0.1"):
        self.send(data, port, host)
        return self.recv()

    def close(self):
        self.tcp.close()
        self.udp.close()


def udp_inbound(b, **settings):
    return {"tag": "in", "listen": "127.0.0.1", "port": b.port, "protocol": "socks", "settings": {"udp": True, **settings}}


def start(b, **more):
    b.start(b.config(**{"inbounds": [udp_inbound(b)], **more}))


def serve(b, *args, **named):
    s = UdpServer(*args, **named)
    b.things.append(s)
    return s


# --- SOCKS ---
def case_udp_echo(b):
    """Every size, byte for byte, and the sender's address."""
    start(b)
    s, a = serve(b), Association(b)
    for size in [*range(0, 40), 511, 512, 1199, 1200, 1472, 1473, 2048, 8999, 32768, 65000, 65497]:
        data = pattern(size, size + 1)
        got = a.ask(data, s.port)
        check(got == (data, "127.0.0.1", s.port), f"{size} bytes came back as {len(got[0])} from {got[1:]}")
    check(len(set(s.clients)) == 1, "one socket for all")
    six = serve(b, host="::1")
    check(a.ask(b"six", six.port, "::1") == (b"six", "::1", six.port), "IPv6")
    check(a.ask(b"name", s.port, "localhost") == (b"name", "127.0.0.1", s.port), "a name")
    lines = until(lambda: [x for x in b.lines(b.access) if "udp:" in x], "a line of the access log")
    check(len(lines) == 1 and f"accepted udp:127.0.0.1:{s.port}" in lines[0], f"one line a path: {lines}")


def case_udp_burst(b):
    """Many at once: what the sockets can hold arrives whole and once."""
    start(b)
    s, a = serve(b), Association(b)
    for first in range(0, 2000, 50):
        wanted = {struct.pack(">I", i) * 100 for i in range(first, first + 50)}
        for data in wanted:
            a.send(data, s.port)
        for _ in range(50):
            wanted.remove(a.recv()[0])


def case_udp_refused(b):
    """Fragments, headers that are none, other senders, and what is left behind."""
    start(b)
    s, a = serve(b), Association(b)
    before = b.descriptors()
    for head, host in ((b"\0\0\1", "127.0.0.1"), (b"\0\0\x80", "127.0.0.1")):
        a.send(b"fragment", s.port, host, head=head)
    for bad in (b"", b"\0", b"\0\0\0", b"\0\0\0\1\x7f", b"\0\0\0\5abcdefgh", b"\0\0\0\3\0\0\x35", b"\0\0\0\1\x7f\0\0\1\0\0x"):
        a.udp.sendto(bad, a.relay)
    check(a.recv(QUIET) is None and not s.seen, "nothing of that may arrive")
    check(a.ask(b"good", s.port)[0] == b"good", "a good one")

    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.sendto(b"\0\0\0" + address("127.0.0.1", s.port) + b"other port", a.relay)
    other.close()
    late = Association(b)
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elsewhere.bind(("127.0.0.2", 0))
    elsewhere.sendto(b"\0\0\0" + address("127.0.0.1", s.port) + b"other host", late.relay)
    elsewhere.close()
    check(late.ask(b"mine", s.port)[0] == b"mine", "the association is the client's")
    check(s.seen == [b"good", b"mine"], f"other senders are not heard: {s.seen}")

    a.close()
    late.close()
    until(lambda: b.descriptors() < before - 1, "the descriptors of ended associations")
    Association(b, code=0).close()


def case_udp_off(b):
    b.start()
    Association(b, code=7)


def case_udp_held_connection(b):
    """What is said on the TCP connection is read and forgotten; its end ends it all, also when it came with the request."""
    start(b)
    s, a = serve(b), Association(b)
    a.tcp.sendall(b"x" * 100000)
    check(a.ask(b"still", s.port)[0] == b"still", "bytes on the connection do not matter")
    before = b.descriptors()
    c = b.client()
    c.sendall(b"\5\1\0\5\3\0\1\0\0\0\0\0\0")
    c.shutdown(socket.SHUT_WR)
    check(len(recv_all(c)) == 12, "two answers and the end")
    until(lambda: b.descriptors() <= before, "the end of that association")


def case_udp_full_cone(b):
    """One source for all servers, and anybody may answer to it."""
    start(b)
    one, two, a = serve(b), serve(b), Association(b)
    a.ask(b"1", one.port)
    a.ask(b"2", two.port)
    check(one.clients == two.clients, "both servers see the same source")
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.1", 0))
    stranger.sendto(b"hello", one.clients[0])
    check(a.recv() == (b"hello", "127.0.0.1", stranger.getsockname()[1]), "a stranger's datagram")
    stranger.close()
    other = Association(b)
    other.ask(b"3", one.port)
    check(one.clients[1] != one.clients[0], "another client has another source")


def case_udp_many(b):
    """Many clients, and nothing of them stays."""
    n = 200 if SANITIZED else 1000
    start(b)
    s = serve(b)
    before = b.descriptors()
    clients = [Association(b) for _ in range(n)]
    for round_ in range(3):
        for i, a in enumerate(clients):
            a.send(struct.pack(">II", i, round_), s.port)
        for i, a in enumerate(clients):
            check(a.recv()[0] == struct.pack(">II", i, round_), f"the answer of client {i}")
    check(len(set(s.clients)) == n, "a source for each")
    for a in clients:
        a.close()
    until(lambda: b.descriptors() <= before, "the descriptors to come back")


def case_udp_idle(b):
    """An idle path ends; the association stays, and goes on with another path."""
    start(b, policy={"levels": {"0": {"connIdle": 1}}})
    s, a = serve(b), Association(b)
    a.ask(b"1", s.port)
    busy = b.descriptors()
    until(lambda: b.descriptors() == busy - 1, "the end of the idle path")
    check(a.ask(b"2", s.port)[0] == b"2", "the association is still good")
    end = time.monotonic() + 2.5
    while time.monotonic() < end:  # a path in use does not end
        a.ask(b"3", s.port)
        time.sleep(0.1)
    check(len(set(s.clients[1:])) == 1, f"sources: {set(s.clients[1:])}")


def case_udp_rules(b):
    """Rules, counters, and outbounds that take nothing."""
    s = serve(b)
    rules = [{"network": "udp", "port": PORTS.one(), "outboundTag": "block", "ruleTag": "no"},
             {"network": "udp", "port": PORTS.one(), "outboundTag": "web"},
             {"inboundTag": ["again"], "outboundTag": "direct", "ruleTag": "second"},
             {"network": "udp", "domain": ["full:loop.test"], "outboundTag": "loop"},
             {"network": "tcp", "outboundTag": "block"}]
    start(b, outbounds=[FREEDOM, {"tag": "block", "protocol": "blackhole"},
                        {"tag": "web", "protocol": "http", "settings": {"servers": [{"address": "127.0.0.1", "port": 9}]}},
                        {"tag": "loop", "protocol": "loopback", "settings": {"inboundTag": "again"}}],
          routing={"rules": rules}, stats={}, dns={"hosts": {"loop.test": "127.0.0.1"}},
          policy={"system": {"statsInboundUplink": True, "statsInboundDownlink": True}})
    a = Association(b)
    a.send(b"x", rules[0]["port"])
    check(a.recv(QUIET) is None, "blocked")
    other = Association(b)
    other.send(b"x", rules[1]["port"])
    check(other.recv(QUIET) is None, "an http proxy")
    third = Association(b)
    check(third.ask(b"12345", s.port)[0] == b"12345", "the rest")
    stats = {x["name"]: x["value"] for x in b.stats()} if isinstance(b.stats(), list) else b.stats()
    text = str(stats)
    check(re.search(r"inbound>>>in>>>traffic>>>uplink\D+5\b", text) and re.search(r"inbound>>>in>>>traffic>>>downlink\D+5\b", text),
          f"counters: {text}")
    log = "\n".join(b.lines(b.access))
    check("[in -> block]" in log and "rule: no" in log and "carries no UDP" in log, log)


def case_udp_redirect(b):
    """A freedom that sends all to one place: the client sees the place that it wrote to."""
    s = serve(b)
    start(b, outbounds=[{"tag": "direct", "protocol": "freedom", "settings": {"redirect": f"127.0.0.1:{s.port}"}}])
    a = Association(b)
    check(a.ask(b"x", 9, "192.0.2.1") == (b"x", "192.0.2.1", 9), "as written")


def case_udp_chain(b):
    """Through a second engine: the socks outbound."""
    inner = Bed(b.name + "-inner", os.path.dirname(b.dir))
    try:
        inner.start(inner.config(inbounds=[udp_inbound(inner, auth="password", accounts=[{"user": "u", "pass": "change-me"}])]))
        server = {"address": "127.0.0.1", "port": inner.port, "users": [{"user": "u", "pass": "change-me"}]}
        start(b, outbounds=[{"tag": "up", "protocol": "socks", "settings": {"servers": [server]}}])
        one, two, a = serve(b), serve(b), Association(b)
        for size in (1, 1200, 30000, 65000):
            data = pattern(size)
            check(a.ask(data, one.port) == (data, "127.0.0.1", one.port), f"{size} bytes through two engines")
        check(a.ask(b"name", two.port, "localhost")[0] == b"name", "the name is the other one's to look up")
        check(one.clients[0] == two.clients[0], "full cone through two")
        inner.stop()
        a.send(b"gone", one.port)
        check(a.recv(QUIET) is None, "no server")
    finally:
        inner.clean()


def case_udp_v2ray(b):
    """Another program on either side of a SOCKS association."""
    program = shutil.which("v2ray")
    if not program:
        raise Skip("UDP with v2ray: it is not installed")
    s, into, through = serve(b), PORTS.one(), PORTS.one()
    server = {"servers": [{"address": "127.0.0.1", "port": b.port}]}
    other = {"log": {"loglevel": "none"}, "routing": {"rules": [{"type": "field", "inboundTag": ["socks"], "outboundTag": "direct"}]},
             "inbounds": [{**tunnel(into, address="127.0.0.1", port=s.port)},
                          {"tag": "socks", "listen": "127.0.0.1", "port": through, "protocol": "socks",
                           "settings": {"udp": True, "ip": "127.0.0.1"}}],
             "outbounds": [{"protocol": "socks", "settings": server}, {"tag": "direct", "protocol": "freedom"}]}
    with open(f"{b.dir}/v2ray.json", "w", encoding="utf-8") as f:
        json.dump(other, f)
    up = {"tag": "up", "protocol": "socks", "settings": {"servers": [{"address": "127.0.0.1", "port": through}]}}
    mine = PORTS.one()
    b.start(b.config(inbounds=[udp_inbound(b), tunnel(mine, tag="mine", address="127.0.0.1", port=s.port)], outbounds=[FREEDOM, up],
                     routing={"rules": [{"inboundTag": ["mine"], "outboundTag": "up"}]}))
    with subprocess.Popen([program, "-config", f"{b.dir}/v2ray.json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
        b.other_processes.append(p)
        try:
            for port, who in ((into, "its client, our server"), (mine, "our client, its server")):
                until(lambda: ask_udp(port, b"first", timeout=QUIET) == b"first", who)
                for size in (1, 500, 1400, 2000):  # it cuts longer ones
                    check(ask_udp(port, pattern(size)) == pattern(size), f"{who}: {size} bytes")
        finally:
            p.terminate()


# --- sniffing ---
def vector(name):
    text = open(f"{TOP}/tests/unit/sniff_vectors.h", encoding="utf-8").read()
    found = re.search(name + r"\[\] =(.*?);", text, re.S)
    if not found:
        raise Skip(f"there is no vector {name}")
    return bytes.fromhex("".join(re.findall(r'"([0-9a-f]*)"', found[1])))


def case_udp_sniffed(b):
    """QUIC: the name of the first datagram decides the route, and is the target where it may be."""
    data = vector("rfc9001_initial")
    s = serve(b, lambda d, _: b"answer")
    rules = [{"protocol": ["quic"], "domain": ["full:example.com"], "outboundTag": "direct", "ruleTag": "name"}]
    sniffing = {"enabled": True, "destOverride": ["quic"]}
    start(b, inbounds=[{**udp_inbound(b), "sniffing": sniffing}], dns={"hosts": {"example.com": "127.0.0.1"}},
          outbounds=[{"tag": "block", "protocol": "blackhole"},
                     {"tag": "direct", "protocol": "freedom", "settings": {"domainStrategy": "ForceIP"}}], routing={"rules": rules})
    a = Association(b)
    check(a.ask(data, s.port, "192.0.2.1") == (b"answer", "192.0.2.1", s.port), "sent to the name, answered by the address")
    other = Association(b)
    other.send(b"not quic", s.port)
    check(other.recv(QUIET) is None, "anything else is blocked")


# --- tunnels ---
def tunnel(listen_port, listen="127.0.0.1", tag="t", sockopt=None, **settings):
    i = {"tag": tag, "listen": listen, "port": listen_port, "protocol": "dokodemo-door", "settings": {"network": "tcp,udp", **settings}}
    return {**i, "streamSettings": {"sockopt": sockopt}} if sockopt else i


def ask_udp(port, data, host="127.0.0.1", timeout=LIMIT):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
        c.settimeout(timeout)
        c.connect((host, port))  # takes answers from there alone
        c.send(data)
        try:
            return c.recv(65536)
        except OSError:
            return None


def two_ports():
    while True:
        port = PORTS.one()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                pass


def case_tunnel(b):
    t, s = b.server(echo), serve(b)
    base, loop, everywhere = two_ports(), PORTS.one(), PORTS.one()
    b.start(b.config(inbounds=[
        tunnel(f"{base}-{base + 1}", address="127.0.0.1", port=t.port, portMap={str(base + 1): f"127.0.0.1:{s.port}"}),
        tunnel(loop, tag="loop"), tunnel(everywhere, listen="0.0.0.0", tag="any", address="127.0.0.1", port=s.port)]))
    c = b.client(("127.0.0.1", base))
    c.sendall(b"tcp")
    check(recv_exact(c, 3) == b"tcp", "TCP")
    check(ask_udp(base + 1, b"udp") == b"udp", "UDP by portMap")
    check(ask_udp(everywhere, b"elsewhere", "127.0.0.3") == b"elsewhere", "answered from the address that was asked")
    check(recv_all(b.client(("127.0.0.1", loop))) == b"", "a tunnel to itself")
    check(ask_udp(loop, b"x", timeout=QUIET) is None, "a tunnel to itself by UDP")
    check(len(b.lines(b.log)) < 200, "and no loop")


def case_tunnel_big(b):
    s = serve(b)
    port = PORTS.one()
    b.start(b.config(inbounds=[tunnel(port, address="127.0.0.1", port=s.port)]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
        c.settimeout(LIMIT)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        for size in (0, 1, 1472, 65507):
            c.sendto(pattern(size), ("127.0.0.1", port))
            check(c.recv(65536) == pattern(size), f"{size} bytes")
        busy = b.descriptors()
        many = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
        for m in many:
            m.settimeout(LIMIT)
            m.sendto(b"x", ("127.0.0.1", port))
        for m in many:
            m.recv(10)
            m.close()
        check(b.descriptors() == busy + 100, "a path for each source")


def case_udp_reload(b):
    """A path goes on through a reload; that of a listener that is gone ends."""
    s, kept, gone = serve(b), PORTS.one(), PORTS.one()
    both = [tunnel(kept, tag="kept", address="127.0.0.1", port=s.port), tunnel(gone, tag="gone", address="127.0.0.1", port=s.port)]
    b.start(b.config(inbounds=[udp_inbound(b), *both]))
    a = Association(b)
    a.ask(b"1", s.port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as c:
        c.settimeout(LIMIT)
        c.sendto(b"2", ("127.0.0.1", kept))
        c.recv(10)
        check(ask_udp(gone, b"3") == b"3", "the other tunnel")
        sources = s.clients[:2]
        b.reload(b.config(inbounds=[udp_inbound(b), both[0]], outbounds=[{"tag": "block", "protocol": "blackhole"}]))
        until(lambda: ask_udp(gone, b"x", timeout=QUIET) is None, "the end of the other tunnel")
        a.ask(b"4", s.port)
        c.sendto(b"5", ("127.0.0.1", kept))
        check(c.recv(10) == b"5" and s.clients[-2:] == sources, "old paths keep their outbound and their source")
    check(ask_udp(kept, b"new", timeout=QUIET) is None, "new ones have the new rules")


# --- a network of its own ---
def case_netns(b):
    """TPROXY and REDIRECT, where a namespace and nft are to be had."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    nft, ip = (shutil.which(x, path=path) for x in (os.environ.get("NFT", "nft"), "ip"))
    if not nft or not ip:
        raise Skip(f"TPROXY and REDIRECT: {'iproute2' if nft else 'nftables'} is not installed")
    try:
        subprocess.run(["unshare", "-Urn", nft, "list", "ruleset"], check=True, capture_output=True, timeout=LIMIT)
    except (OSError, subprocess.SubprocessError) as e:
        raise Skip(f"TPROXY and REDIRECT: no namespace with nft here ({type(e).__name__})") from e
    p = subprocess.run(["unshare", "-Urn", "python3", f"{TOP}/tests/engine/netns.py", b.dir, nft], capture_output=True, text=True,
                       timeout=4 * LIMIT, check=False)
    check(p.returncode == 0, p.stdout + p.stderr)
