"""TCP: the engine alone, then with v2ray, Xray and microsocks in front of it and behind it."""
import fcntl
import os
import re
import signal
import socket
import struct
import termios
import time

from engbed import FREEDOM, LIMIT, PORTS, check, echo, pattern, recv_all, recv_exact, until
from peers import (BIG, BIGGEST, DOWN_FIRST, DOWN_RESET, LOGIN, SHUT, SIZES, UP_FIRST, UP_RESET, Pump, engine_between,
                   inbound, start_microsocks, start_peer, through, together, tunnel)

WAYS = ("socks4", "socks4a", "socks5", "socks5h", "http")


def begin(b):
    """The engine with a mixed, an http and a tunnel inbound, and a pump behind it: (pump, ports)."""
    p = Pump(b)
    http, door = PORTS.one(), PORTS.one()
    engine_between(b, [inbound("mixed", b.port), inbound("http", http, "http"), tunnel(door, p.port)])
    return p, http, door


def case_sizes(b):
    """Every size each way through every inbound, ended without and with half-closes."""
    p, http, door = begin(b)
    for via in WAYS:
        p.sizes(via, b.port, big=0)
    p.sizes("http", http, fin=SHUT)
    p.sizes("direct", door, fin=SHUT)
    p.sizes("socks5", b.port, fin=SHUT)
    until(lambda: b.stats()["flows"] == 0, "no flow is left")


def case_biggest(b):
    """Up, then down."""
    p, _, _ = begin(b)
    p.talk("socks5", b.port, up=BIGGEST, fin=SHUT)
    p.talk("socks5", b.port, down=BIGGEST, fin=SHUT)


def case_users(b):
    p = Pump(b)
    http = PORTS.one()
    engine_between(b, [inbound("socks", b.port, login=True), inbound("http", http, "http", login=True)])
    for via, port in (("socks5", b.port), ("socks5h", b.port), ("http", b.port), ("http", http)):
        p.talk(f"{via}:{LOGIN}", port, up=5000, down=SIZES[-1], fin=SHUT)
        for bad in (via, f"{via}:user:wrong", f"{via}:{LOGIN}x"):
            try:
                p.talk(bad, port, up=1, down=1)
            except Exception as e:
                check("no way through" in str(e), str(e))
            else:
                check(False, f"{bad} came in")


def case_half_close_both_orders(b):
    """What is sent behind the other side's end arrives, all of it."""
    p, http, door = begin(b)
    for n in (1, 1024, 65537, SIZES[-1], BIG // 4):
        for fin in (UP_FIRST, DOWN_FIRST):
            p.talk("socks5", b.port, up=n, down=n, fin=fin)
            p.talk("http", http, up=n, down=3, fin=fin)
            p.talk("direct", door, up=0, down=n, fin=fin)
            p.talk("direct", door, up=n, down=0, fin=fin)


def case_end_at_once(b):
    """No byte at all, from either end or both."""
    p, _, door = begin(b)
    at_once = b.server(lambda c: c.shutdown(socket.SHUT_RDWR))
    waits = b.server(recv_all)
    for _ in range(20):
        for server in (at_once, waits):
            s = b.socks(server.port)
            s.shutdown(socket.SHUT_WR)
            check(recv_all(s) == b"", "nothing and an end")
            s.close()
    check(recv_all(b.socks(at_once.port)) == b"", "the server's end alone")
    for fin in (SHUT, UP_FIRST, DOWN_FIRST):
        p.talk("direct", door, fin=fin)
    b.client(("127.0.0.1", door)).close()
    until(lambda: b.stats()["flows"] == 0, "no flow is left")


def case_server_speaks_first(b):
    begin(b)
    greeting = b.server(lambda c: (c.sendall(b"220 ready\r\n"), c.sendall(recv_exact(c, 4).upper())))
    s = b.socks(greeting.port)
    check(recv_exact(s, 11) == b"220 ready\r\n", "the greeting")
    s.sendall(b"quit")
    check(recv_all(s) == b"QUIT", "the answer")


def case_both_directions(b):
    """Each direction full at the same time, alone and eight connections together."""
    p, http, door = begin(b)
    p.talk("socks5", b.port, up=BIG, down=BIG, fin=SHUT)
    n = BIG // 8
    together(*[lambda i=i: p.talk("socks5", b.port, up=n + i, down=n - i, fin=SHUT, seed=100 + i) for i in range(4)],
             *[lambda i=i: p.talk("http", http, up=n + i, down=n - i, fin=UP_FIRST, seed=200 + i) for i in range(2)],
             *[lambda i=i: p.talk("direct", door, up=n + i, down=n - i, fin=DOWN_FIRST, seed=300 + i) for i in range(2)])


def case_many(b):
    """More long transfers at once than there are pipes for."""
    p, _, door = begin(b)
    n = 2 << 20  # all of them together stay far below what the kernel gives to TCP
    before = b.descriptors()
    together(*[lambda i=i: p.talk("direct", door, up=n + i, down=n, dslow=200 * (i % 4), uslow=300 * (i % 3), fin=SHUT, seed=i,
                                ubuf=131072, dbuf=131072)
               for i in range(100)])
    until(lambda: b.stats()["flows"] == 0, "no flow is left")
    check(b.descriptors() <= before + 2 * 16 * b.stats()["workers"], f"{b.descriptors() - before} descriptors more than before")


def case_slow_reader(b):
    """Small buffers and small reads behind a sender that is as fast as it can be; the stall is long enough to fill everything."""
    p, http, door = begin(b)
    n = 6 << 20
    slow = {"ubuf": 65536, "uread": 16000, "uslow": 2000}
    together(lambda: p.talk("socks5", b.port, down=n, fin=SHUT, **slow),
             lambda: p.talk("http", http, down=n, up=n, fin=DOWN_FIRST, **slow),
             lambda: p.talk("direct", door, up=n, fin=SHUT, dbuf=65536, dread=16000, dslow=2000),
             lambda: p.talk("direct", door, up=n, down=n, fin=SHUT, ubuf=40000, uread=30011, uslow=3000, dbuf=50000, dread=20011, dslow=2500),
             lambda: p.talk("socks5", b.port, down=n, fin=SHUT, uread=200001, uslow=40000),  # in bursts
             lambda: p.talk("direct", door, up=n, fin=SHUT, down=5, dread=150001, dslow=30000))


def case_slow_writer(b):
    """Trickles, and bursts with pauses between them."""
    p, http, door = begin(b)
    together(lambda: p.talk("socks5", b.port, up=2000, uchunk=1, upause=500, fin=SHUT),
             lambda: p.talk("http", http, down=2000, dchunk=3, dpause=1000, fin=UP_FIRST),
             lambda: p.talk("direct", door, up=8 << 20, uchunk=262144, upause=20000, down=8 << 20, dchunk=131072, dpause=10000, fin=SHUT),
             lambda: p.talk("direct", door, up=64 << 10, uchunk=999, rnd=1, upause=5000, down=BIG // 4, fin=SHUT))


def case_small_writes(b):
    """Tens of thousands of writes of a few bytes, then long ones again: a relay changes its way of moving them."""
    p, http, door = begin(b)
    together(lambda: p.talk("socks5", b.port, up=300000, uchunk=20, rnd=1, down=200000, dchunk=9, fin=SHUT),
             lambda: p.talk("http", http, up=2 << 20, uchunk=200, rnd=1, down=1 << 20, dchunk=100, fin=UP_FIRST))
    for chunk in (32767, 32768, 32769, 65536, 200000):
        p.talk("direct", door, up=(8 << 20) + 1, down=(8 << 20) - 1, uchunk=chunk, dchunk=2 * chunk, rnd=1, fin=SHUT)


def case_urgent(b):
    """An urgent byte is left out or passed on as urgent; it never stops or garbles what is around it."""
    p, http, door = begin(b)
    for n, at in ((10, 5), (100000, 1), (100000, 50000), (8 << 20, 1 << 20), (8 << 20, (8 << 20) - 1), (BIG // 2, BIG // 4)):
        for fin in (SHUT, UP_FIRST, DOWN_FIRST):
            p.talk("direct", door, up=n, uoob=at + 1, fin=fin)
            p.talk("socks5", b.port, down=n, doob=at + 1, fin=fin)
    p.talk("http", http, up=8 << 20, down=8 << 20, uoob=3 << 20, doob=5 << 20, fin=SHUT)
    p.talk("http", http, up=8 << 20, down=8 << 20, uoob=3 << 20, doob=5 << 20, dslow=2000, uslow=2000, dread=100000, uread=100000, fin=SHUT)


def case_urgent_before_it_is_read(b):
    """All of it is there when the engine looks: the mark stands in the middle of what it reads, and nothing follows that wakes it."""
    begin(b)
    server = b.server(echo)
    where = b"\5\1\0\5\1\0\1\x7f\0\0\1" + struct.pack(">H", server.port)
    for request, early in ((where, b"abcd"), (where, pattern(3000)), (b"", pattern(30000))):
        s = b.client() if request else b.socks(server.port)
        b.process.send_signal(signal.SIGSTOP)
        try:
            s.sendall(request + early[:len(early) // 2])
            s.send(b"!", socket.MSG_OOB)
            s.sendall(early[len(early) // 2:])
            until(lambda s=s: unsent(s) == 0, "all of it to be taken")
        finally:
            b.process.send_signal(signal.SIGCONT)
        check(recv_exact(s, 12 * bool(request) + len(early))[12 * bool(request):] == early, f"{len(early)} bytes around it")


def unsent(s):
    return struct.unpack("i", fcntl.ioctl(s, termios.TIOCOUTQ, b"\0" * 4))[0]


def case_stalled_reader(b):
    """A receiver that takes nothing for longer than the time of a half-closed connection loses no byte of what the sender has
    finished long ago."""
    sizes = [n << 15 for n in range(1, 160, 4)]
    server = b.server(lambda c: c.sendall(pattern(struct.unpack(">I", recv_exact(c, 4))[0])))
    begin(b)
    clients = []
    for n in sizes:
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        s.settimeout(LIMIT)
        s.connect(("127.0.0.1", b.port))
        b.things.append(s)
        s.sendall(b"\5\1\0\5\1\0\1\x7f\0\0\1" + struct.pack(">HI", server.port, n))
        clients.append(s)
    time.sleep(2.5)  # more than the second that policy allows
    failures = []

    def take(s, n):
        try:
            got = recv_all(s)[12:]
            if got != pattern(n):
                failures.append(f"{len(got)} of {n} bytes")
        except OSError as e:
            failures.append(f"{e} in {n} bytes")

    together(*[lambda s=s, n=n: take(s, n) for s, n in zip(clients, sizes)])
    check(not failures, str(failures))


def case_slow_half_close(b):
    """The last bytes take longer to arrive than a half-closed connection may be silent: the answer behind them is still awaited."""
    p, _, door = begin(b)
    path = f"{b.dir}/door"
    n = 5 << 19
    slow = {"dbuf": 65536, "dread": 30000, "dslow": 25000, "ubuf": 65536, "uread": 30000, "uslow": 25000}
    b.reload(b.config(inbounds=[inbound("mixed", b.port), tunnel(door, p.port), {**tunnel(1, p.port, "d2", "tcp"), "listen": path}]))
    together(*[lambda w=w, fin=fin, via=via: p.talk(via, w, up=n, down=n, fin=fin, **slow)
               for via, w in (("socks5", b.port), ("direct", door), ("direct", path)) for fin in (UP_FIRST, DOWN_FIRST)])


def case_reset(b):
    """Forwarded as a reset, whichever side it comes from, after one byte and in a long transfer."""
    p, http, door = begin(b)
    for n in (1, 65537, 8 << 20):
        for fin in (UP_RESET, DOWN_RESET):
            p.talk("socks5", b.port, up=n, down=2, fin=fin)
            p.talk("http", http, up=2, down=n, fin=fin)
            p.talk("direct", door, up=n, down=n, fin=fin)
    until(lambda: b.stats()["flows"] == 0, "no flow is left")


def reset_now(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def case_reset_midway(b):
    """Either side resets while the other one sends without an end, or waits behind full buffers."""
    seen = []

    def source(c):
        try:
            while True:
                c.sendall(b"x" * 262144)
        except (ConnectionResetError, BrokenPipeError) as e:
            seen.append(type(e))

    def reset_soon(c):
        recv_exact(c, 3 << 20)
        reset_now(c)

    begin(b)
    server, other = b.server(source), b.server(reset_soon)
    before = b.descriptors()
    for take in (0, 100, 5 << 20):
        for _ in range(5):
            s = b.socks(server.port)
            recv_exact(s, take)
            n = len(seen)
            reset_now(s)
            until(lambda n=n: len(seen) > n, "the server to see it")
            s = b.socks(other.port)
            try:
                source_until(s)
            except (ConnectionResetError, BrokenPipeError):
                pass
            s.close()
    until(lambda: b.stats()["flows"] == 0, "no flow is left")
    until(lambda: b.descriptors() <= before + 2 * 8 * b.stats()["workers"], "the descriptors to come back")


def source_until(s):
    while True:
        s.sendall(b"y" * 262144)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def case_refused(b):
    """Nobody listens: the reply that each protocol has for it, and the end."""
    _, http, _ = begin(b)
    port = closed_port()
    s = b.socks(port, code=5)
    check(recv_all(s) == b"", "socks5")
    s = b.client()
    s.sendall(b"\4\1" + struct.pack(">H", port) + b"\x7f\0\0\1me\0")
    check(recv_all(s)[:2] == b"\0\x5b", "socks4")
    for address in (b.port, http):
        for request in (f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n", f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n"):
            s = b.client(("127.0.0.1", address))
            s.sendall(request.encode())
            got = recv_all(s)
            check(re.match(rb"HTTP/1\.1 50[23] ", got), f"{request.split()[0]}: {got[:60]}")


# --- chains ---
# v2ray and Xray cut a half-closed connection short after a second, so with them conversations end by count.
def peer_behind(b, kind):
    """Our socks and http outbound to its socks and http inbound, with and without a login; our freedom to its dokodemo."""
    p = Pump(b)
    ports = [PORTS.one() for _ in range(8)]
    its_door, door = PORTS.one(), PORTS.one()
    plans = [("socks", False), ("socks", True), ("http", False), ("http", True)]
    start_peer(b, kind, [inbound(proto, port, f"i{port}", login) for (proto, login), port in zip(plans, ports)] +
               [tunnel(its_door, p.port, network="tcp")], [{"protocol": "freedom"}])
    engine_between(b, [tunnel(port, p.port, tag=f"t{port}") for port in ports[4:]] + [inbound("mixed", b.port), tunnel(door, its_door)],
                   [through(proto, port, f"o{port}", login) for (proto, login), port in zip(plans, ports)] + [FREEDOM],
                   [{"inboundTag": [f"t{mine}"], "outboundTag": f"o{its}"} for mine, its in zip(ports[4:], ports)] +
                   [{"inboundTag": ["tunnel"], "outboundTag": "direct"}])
    for i, door in enumerate(ports[4:]):
        p.sizes("direct", door, big=BIG if i in (0, 2) else 0)
    p.sizes("direct", door)
    p.talk("socks5h", b.port, up=5000, down=SIZES[-1])
    p.talk("http", b.port, up=5000, down=SIZES[-1])
    slow_and_small(p, ports[4], ports[6])
    refused_behind(b, kind)


def slow_and_small(p, one, other):
    together(lambda: p.talk("direct", one, down=4 << 20, up=1 << 20, ubuf=65536, uread=20000, uslow=2000),
             lambda: p.talk("direct", other, up=4 << 20, down=1, dbuf=65536, dread=20000, dslow=2000),
             lambda: p.talk("direct", one, up=200000, uchunk=30, rnd=1, down=200000, dchunk=50),
             lambda: p.talk("direct", other, up=1500, uchunk=1, upause=500, down=1500, dchunk=2, dpause=500))


def refused_behind(b, kind):
    """v2ray and Xray say yes before they dial, so a refusal is an end; never bytes, never a hanging connection."""
    s = b.client()
    s.sendall(b"\5\1\0\5\1\0\1\x7f\0\0\1" + struct.pack(">H", closed_port()))
    check(recv_exact(s, 2) == b"\5\0", f"{kind}: the method")
    try:
        got = recv_all(s)
    except ConnectionResetError:
        got = b""
    check(len(got) in (0, 10), f"{kind}: {got}")


def peer_in_front(b, kind):
    """Its socks and http outbound to our socks, http and mixed inbound, with and without a login."""
    p = Pump(b)
    plans = [("socks", "socks", False), ("socks", "mixed", True), ("http", "http", True), ("http", "mixed", False)]
    doors, mine = [PORTS.one() for _ in plans], [PORTS.one() for _ in plans]
    engine_between(b, [inbound(ours, port, f"i{port}", login) for (_, ours, login), port in zip(plans, mine)])
    start_peer(b, kind, [tunnel(door, p.port, tag=f"t{door}", network="tcp") for door in doors],
               [through(its, port, f"o{port}", login) for (its, _, login), port in zip(plans, mine)],
               routing={"rules": [{"type": "field", "inboundTag": [f"t{door}"], "outboundTag": f"o{port}"}
                                  for door, port in zip(doors, mine)]})
    for i, door in enumerate(doors):
        p.sizes("direct", door, big=BIG if i in (0, 2) else 0)
    slow_and_small(p, doors[0], doors[2])
    until(lambda: b.stats()["flows"] == 0, "no flow is left")


def peer_both_sides(b, kind):
    """Its socks and http inbounds -> its outbounds -> ours -> our outbounds -> its inbounds: it on both sides of us."""
    p = Pump(b)
    first, second, third, fourth = (PORTS.one() for _ in range(4))
    start_peer(b, kind, [inbound("socks", first, "first"), inbound("http", second, "second"), inbound("http", third, "third")],
               [{"protocol": "freedom", "tag": "direct"}, through("socks", b.port, "socks"), through("http", fourth, "http")],
               routing={"rules": [{"type": "field", "inboundTag": ["first"], "outboundTag": "socks"},
                                  {"type": "field", "inboundTag": ["second"], "outboundTag": "http"}]})
    engine_between(b, [inbound("socks", b.port), inbound("http", fourth, "h")], [through("http", third)])
    for via, port in (("socks5h", first), ("socks4a", first), ("http", second)):
        p.sizes(via, port, big=BIG // 4)


def case_v2ray_behind(b):
    peer_behind(b, "v2ray")


def case_xray_behind(b):
    peer_behind(b, "xray")


def case_v2ray_in_front(b):
    peer_in_front(b, "v2ray")


def case_xray_in_front(b):
    peer_in_front(b, "xray")


def case_v2ray_both_sides(b):
    peer_both_sides(b, "v2ray")


def case_xray_both_sides(b):
    peer_both_sides(b, "xray")


def case_microsocks_behind(b):
    p = Pump(b)
    doors = [PORTS.one(), PORTS.one()]
    open_, closed = start_microsocks(b), start_microsocks(b, "-u", "user", "-P", "change-me")
    engine_between(b, [tunnel(d, p.port, tag=f"t{d}") for d in doors] + [inbound("mixed", b.port)],
                   [through("socks", open_, "open"), through("socks", closed, "closed", login=True)],
                   [{"inboundTag": [f"t{doors[1]}"], "outboundTag": "closed"}])
    for door in doors:
        p.sizes("direct", door)
    slow_and_small(p, *doors)
    check(recv_all(b.socks(closed_port(), code=5)) == b"", "its refusal comes through as one")


def case_ourselves_behind(b):
    """Two listeners of one engine in a row: half-closes, resets and all, since nothing foreign is between."""
    p = Pump(b)
    plans = [("socks", "socks", True), ("socks", "mixed", False), ("http", "http", True), ("http", "mixed", False)]
    doors, mine = [PORTS.one() for _ in plans], [PORTS.one() for _ in plans]
    engine_between(b, [tunnel(d, p.port, tag=f"t{d}") for d in doors] +
                   [inbound(ours, port, f"i{port}", login) for (_, ours, login), port in zip(plans, mine)],
                   [FREEDOM] + [through(out, port, f"o{port}", login) for (out, _, login), port in zip(plans, mine)],
                   [{"inboundTag": [f"t{d}"], "outboundTag": f"o{port}"} for d, port in zip(doors, mine)])
    for i, door in enumerate(doors):
        p.sizes("direct", door, big=BIG // 2 if i in (0, 2) else 0, fin=SHUT)
        for fin in (UP_FIRST, DOWN_FIRST, UP_RESET, DOWN_RESET):
            p.talk("direct", door, up=300000, down=200000, fin=fin)
    slow_and_small(p, doors[0], doors[2])
    until(lambda: b.stats()["flows"] == 0, "no flow is left")


def case_unix_and_abstract(b):
    """The same through socket files and abstract names, of all inbounds that take TCP."""
    p = Pump(b)
    path, name = f"{b.dir}/socks", f"@xrat-test-{os.getpid()}-{b.port}"
    doors = {f"{b.dir}/door": tunnel(1, p.port, "d1", "tcp"), name + "-door": tunnel(1, p.port, "d2", "tcp")}
    ins = [{**inbound("mixed", 1, "s1"), "listen": path}, {**inbound("mixed", 1, "s2"), "listen": name}]
    ins += [{**i, "listen": where} for where, i in doors.items()]
    for i in ins:
        del i["port"]
        i["settings"].pop("udp", None)
    engine_between(b, ins)
    for where in (path, name):
        for via in ("socks4a", "socks5", "http"):
            p.sizes(via, where, big=0, fin=SHUT)
        p.talk("socks5", where, up=BIG // 4, down=BIG // 4, fin=SHUT)
    for where in doors:
        p.sizes("direct", where, big=BIG // 4, fin=SHUT)
        for fin in (UP_FIRST, DOWN_FIRST):
            p.talk("direct", where, up=SIZES[-1], down=SIZES[-1], fin=fin)
    p.talk("direct", name + "-door", down=4 << 20, ubuf=65536, uread=20000, uslow=2000, fin=SHUT)
