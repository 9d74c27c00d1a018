"""Names: the dns outbound, FakeDNS, the engine's own queries."""
import os
import socket
import struct
import time

from engbed import FREEDOM, PORTS, Bed, check, echo, recv_all, recv_exact
from udp import QUIET, Association, serve, start, udp_inbound


def query(name, kind=1, ident=7):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".") if x) + b"\0"
    return struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", kind, 1)


def answers(message):
    """(code, the addresses of the answer)."""
    _, flags, n_questions, n = struct.unpack(">HHHH", message[:8])
    at, found = 12, []
    for _ in range(n_questions):
        while message[at]:
            at += message[at] + 1
        at += 5
    for _ in range(n):
        at += 2 if message[at] >= 0xc0 else message.index(b"\0", at) - at + 1
        kind, _, _, length = struct.unpack(">HHIH", message[at:at + 10])
        data = message[at + 10:at + 10 + length]
        found.append(socket.inet_ntop({1: socket.AF_INET, 28: socket.AF_INET6}[kind], data) if kind in (1, 28) else data)
        at += 10 + length
    return flags & 15, found


def question(message):
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += message[at] + 1
    return ".".join(labels), struct.unpack(">H", message[at + 1:at + 3])[0], at + 5


def dns_server(hosts, delay=0):
    """Answers A for the names it knows, TXT for all, and NXDOMAIN."""
    def reply(message, _):
        name, kind, end = question(message)
        time.sleep(delay if name in hosts else 0)
        data = socket.inet_aton(hosts[name]) if kind == 1 and name in hosts else b"\4text" if kind == 16 else None
        known = name in hosts or kind == 16
        head = message[:2] + struct.pack(">HHHHH", 0x8180 | (0 if known else 3), 1, 1 if data else 0, 0, 0)
        record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data if data else b""
        return head + message[12:end] + record
    return reply


def dns_over_tcp(hosts):
    def serve_one(c):
        while True:
            m = recv_exact(c, struct.unpack(">H", recv_exact(c, 2))[0])
            answer = dns_server(hosts)(m, None)
            c.sendall(struct.pack(">H", len(answer)) + answer)
    return serve_one


def dns_engine(b, d, settings, **more):
    start(b, inbounds=[udp_inbound(b), {"tag": "t", "listen": "127.0.0.1", "port": PORTS.one(), "protocol": "tunnel",
                                        "settings": {"address": "127.0.0.1", "port": d.port, "network": "tcp,udp"}}],
          outbounds=[{"tag": "dns", "protocol": "dns", "settings": settings}, FREEDOM],
          **{"dns": {"servers": [{"address": "127.0.0.1", "port": d.port}], "hosts": {"host.test": ["192.0.2.8", "2001:db8::8"]}}, **more})


def case_dns_outbound(b):
    d = serve(b, dns_server({"a.test": "192.0.2.33"}))
    dns_engine(b, d, {"nonIPQuery": "skip"})
    a = Association(b)

    def ask(name, kind=1):
        got = a.ask(query(name, kind, 4242), 53, "192.0.2.53")
        check(got[1:] == ("192.0.2.53", 53) and got[0][:2] == struct.pack(">H", 4242), f"who answers: {got}")
        return answers(got[0])

    check(ask("a.test") == (0, ["192.0.2.33"]), "A through the resolver")
    check(ask("host.test") == (0, ["192.0.2.8"]) and ask("host.test", 28) == (0, ["2001:db8::8"]), "hosts")
    check(ask("none.test")[0] == 3, "no such name")
    check(ask("a.test", 28) == (0, []), "no AAAA")
    check(ask("a.test") == (0, ["192.0.2.33"]) and len([x for x in d.seen if b"\1a\4test\0\0\1" in x]) == 1, "from the cache")
    a.send(b"no query", 53, "192.0.2.53")
    check(a.recv(QUIET) is None, "what is no query has no answer")
    got = Association(b).ask(query("a.test", 16), d.port)
    check(answers(got[0]) == (0, [b"\4text"]), "other types go to the server that was meant")


def case_dns_outbound_tcp(b):
    d = serve(b, dns_server({f"n{i}.test": f"192.0.2.{i}" for i in range(100)}))
    dns_engine(b, d, {"nonIPQuery": "reject"})
    c = b.socks(53, "192.0.2.53")
    text = b"".join(struct.pack(">H", len(q)) + q for q in (query(f"n{i}.test", 1, i) for i in range(100)))
    for i in range(0, len(text), 7):
        c.sendall(text[i:i + 7])
    got = {}
    for _ in range(100):
        m = recv_exact(c, struct.unpack(">H", recv_exact(c, 2))[0])
        got[struct.unpack(">H", m[:2])[0]] = answers(m)[1]
    check(got == {i: [f"192.0.2.{i}"] for i in range(100)}, "a hundred at once")
    q = query("n1.test", 16)
    c.sendall(struct.pack(">H", len(q)) + q)
    check(answers(recv_exact(c, struct.unpack(">H", recv_exact(c, 2))[0]))[0] == 5, "refused")
    c.sendall(struct.pack(">H", len(q)) + q[:5])
    c.shutdown(socket.SHUT_WR)
    check(recv_all(c) == b"", "half a query and the end")


def case_dns_rules(b):
    d = serve(b, dns_server({"a.test": "192.0.2.33", "direct.test": "192.0.2.34"}))
    dns_engine(b, d, {"rewriteAddress": "127.0.0.1", "rewritePort": d.port, "rules": [
        {"action": "drop", "qType": 15}, {"action": "return", "rCode": 3, "domain": ["domain:no.test"]},
        {"action": "direct", "domain": ["full:direct.test"]}]})
    a = Association(b)
    a.send(query("a.test", 15), 53, "192.0.2.53")
    check(a.recv(QUIET) is None, "dropped")
    for name, kind, wanted in (("x.no.test", 1, (3, [])), ("direct.test", 1, (0, ["192.0.2.34"])), ("a.test", 1, (0, ["192.0.2.33"])),
                               ("a.test", 16, (0, []))):
        check(answers(a.ask(query(name, kind), 53, "192.0.2.53")[0]) == wanted, f"{name} {kind}")


def case_fakedns(b):
    """A client that was given an address of the pool reaches the name behind it, by TCP and UDP."""
    t, s = b.server(echo), serve(b)
    d = serve(b, dns_server({"real.test": "127.0.0.1"}))
    sniffing = {"enabled": True, "destOverride": ["fakedns"], "metadataOnly": True}
    start(b, inbounds=[{**udp_inbound(b), "sniffing": sniffing}],
          outbounds=[{"tag": "direct", "protocol": "freedom", "settings": {"domainStrategy": "ForceIP"}}, {"tag": "dns", "protocol": "dns"}],
          routing={"rules": [{"port": 53, "outboundTag": "dns"}]}, fakedns={"ipPool": "198.18.0.0/24", "poolSize": 200},
          dns={"servers": ["fakedns", {"address": "127.0.0.1", "port": d.port}], "queryStrategy": "UseIPv4"})
    code, ips = answers(Association(b).ask(query("real.test"), 53, "192.0.2.53")[0])
    check(code == 0 and len(ips) == 1 and ips[0].startswith("198.18.0."), f"a fake address: {ips}")
    c = b.socks(t.port, ips[0])
    c.sendall(b"tcp")
    check(recv_exact(c, 3) == b"tcp", "TCP to the name")
    a = Association(b)
    check(a.ask(b"udp", s.port, ips[0]) == (b"udp", ips[0], s.port), "UDP to the name, from the address that was asked")
    check(a.ask(b"more", s.port, "127.0.0.1") == (b"more", "127.0.0.1", s.port), "another target of the same path")
    unused = "198.18.0.99" if ips[0] != "198.18.0.99" else "198.18.0.98"
    b.socks(t.port, unused, code=3).close()
    other = Association(b)
    other.send(b"x", s.port, unused)
    check(other.recv(QUIET) is None, "lent to nobody")
    check(any("lent to no name" in x for x in b.lines(b.access) + b.lines(b.log)), "the log says why")


def case_udp_names(b):
    """A name is looked up once, what comes meanwhile waits, and a name that is none costs only its own datagrams."""
    d = serve(b, dns_server({"slow.test": "127.0.0.1"}, delay=0.3))
    s = serve(b)
    start(b, outbounds=[{"tag": "direct", "protocol": "freedom", "settings": {"domainStrategy": "ForceIPv4"}}],
          dns={"servers": [{"address": "127.0.0.1", "port": d.port}]})
    a = Association(b)
    for i in range(10):
        a.send(b"%d" % i, s.port, "slow.test")
        a.send(b"lost", s.port, "none.test")
    check([a.recv()[0] for _ in range(10)] == [b"%d" % i for i in range(10)], "in order")
    check(a.ask(b"later", s.port, "slow.test")[0] == b"later" and b"lost" not in s.seen, "only the one")
    check(len([x for x in d.seen if b"slow" in x]) == 1, "asked once")


def case_dns_through_outbound(b):
    """Queries of the engine's own take the way that the rules say, by UDP and TCP; those of "+local" servers do not."""
    d = serve(b, dns_server({"a.test": "127.0.0.1", "b.test": "127.0.0.1", "local.test": "127.0.0.1"}))
    t, s = b.server(dns_over_tcp({"t.test": "127.0.0.1"})), b.server(echo)
    inner = Bed(b.name + "-inner", os.path.dirname(b.dir))
    try:
        inner.start(inner.config(inbounds=[udp_inbound(inner)]))
        up = {"tag": "up", "protocol": "socks", "settings": {"servers": [{"address": "127.0.0.1", "port": inner.port}]}}
        config = b.config(outbounds=[up, {**FREEDOM, "settings": {"domainStrategy": "ForceIPv4"}}], inbounds=[udp_inbound(b)],
                          routing={"rules": [{"inboundTag": ["in"], "outboundTag": "direct"},
                                             {"inboundTag": ["names"], "port": d.port, "outboundTag": "up", "ruleTag": "dns"}]},
                          dns={"tag": "names", "servers": [
                              {"address": "127.0.0.1", "port": d.port, "domains": ["full:a.test", "full:b.test"], "skipFallback": True},
                              {"address": f"tcp://127.0.0.1:{t.port}", "domains": ["full:t.test"], "skipFallback": True}]})
        b.start(config)
        for name in ("a.test", "b.test", "t.test"):
            c = b.socks(s.port, name)
            c.sendall(b"x")
            check(recv_exact(c, 1) == b"x", name)
        log = "\n".join(inner.lines(inner.access))
        check(f"accepted udp:127.0.0.1:{d.port}" in log and f"accepted tcp:127.0.0.1:{t.port}" in log, f"through the other engine: {log}")
        config["routing"]["rules"].append({"inboundTag": ["names"], "outboundTag": "block"})
        config["outbounds"].append({"tag": "block", "protocol": "blackhole"})
        config["routing"]["rules"][1]["port"] = 9
        b.reload(config)
        b.socks(s.port, "a.test", code=4).close()
        check(len([x for x in d.seen if b"\1a\4test" in x]) == 1, "a blocked query is not sent")
    finally:
        inner.clean()
