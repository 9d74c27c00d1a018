"""Datagrams: the engine alone at full size and number, then with v2ray and Xray on either side."""
import random
import select
import socket
import struct
import time

from engbed import FREEDOM, PORTS, SANITIZED, check, pattern, recv_exact, until
from peers import counted, engine_between, inbound, start_microsocks, start_peer, through, tunnel
from udp import QUIET, Association, serve

MANY = 3000 if SANITIZED else 10000
WINDOW = {"": 48, "v2ray": 6, "xray": 6}  # datagrams under way: what loopback's buffers hold for certain; others drop early
LARGEST = {"v2ray": 2000, "xray": 7000}  # each cuts or drops longer ones


class Tunnelled:
    """A client of a tunnel, called like an Association."""

    def __init__(self, b, port):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.udp.connect(("127.0.0.1", port))
        b.things.append(self.udp)

    def send(self, data, _):
        self.udp.send(data)

    def recv(self, timeout=QUIET):
        self.udp.settimeout(timeout)
        try:
            return self.udp.recv(65536), "127.0.0.1", 0
        except socket.timeout:
            return None


def many(c, port, n, largest, seed=1, kind=""):
    """n datagrams of all sizes, each with its number; none may be changed, lost or doubled. What a foreign program drops (Xray does
    so at a few dozen under way, also between two of its own) is sent again."""
    dice, block = random.Random(seed), pattern(2 * largest + 8, seed)
    waiting, sent, again = {}, 0, 0
    while sent < n or waiting:
        if sent < n and len(waiting) < WINDOW[kind] and (not waiting or not select.select([c.udp], [], [], 0)[0]):
            size = dice.choice((0, 1, 60, 500, 1200, largest - 4)) if sent % 4 else dice.randrange(largest - 4)
            at = dice.randrange(largest)
            data = struct.pack(">I", sent) + block[at:at + size]
            waiting[sent] = data
            c.send(data, port)
            sent += 1
            continue
        got = c.recv(1 if kind else 10)
        if not got and kind and again < 20:
            again += 1
            for data in waiting.values():
                c.send(data, port)
            continue
        check(got, f"{len(waiting)} of {sent} datagrams have no answer")
        data = waiting.pop(struct.unpack(">I", got[0][:4])[0], None)
        check(got[0] == data or (again and not data), f"a datagram of {len(got[0])} bytes that is not as it was sent")
    counted(datagrams=n)


def sizes(c, port, *all_sizes):
    for n in all_sizes:
        data = pattern(n, n + 1)
        c.send(data, port)
        got = c.recv(10)
        check(got and got[0] == data, f"{n} bytes came back as {got and len(got[0])}")


def awake(c, port, who):
    """The first datagrams of a program that has just started may be lost."""
    def answered():
        c.send(b"first", port)
        return c.recv()
    until(answered, who)
    time.sleep(0.05)
    while c.recv(0.05):
        pass


# --- alone ---
def case_udp_all_sizes(b):
    s, door = serve(b), PORTS.one()
    engine_between(b, [inbound("socks", b.port), tunnel(door, s.port, network="udp")])
    some = (1, 2, 3, 7, 8, 100, 511, 512, 1023, 1024, 1472, 1473, 4096, 9000, 16384, 32767, 32768, 65000)
    sizes(Tunnelled(b, door), s.port, *some, 65506, 65507)
    sizes(Association(b), s.port, *some, 65496, 65497)  # ten bytes are the header's


def case_udp_ten_thousand(b):
    s, door = serve(b), PORTS.one()
    engine_between(b, [inbound("socks", b.port), tunnel(door, s.port, network="udp")])
    many(Association(b), s.port, MANY, 1400, 3)
    many(Tunnelled(b, door), s.port, MANY, 1400, 4)
    many(Association(b), s.port, 300, 4000, 5)
    check(len(set(s.clients)) == 3, "a source for each client")


def case_udp_chain_many(b):
    """Our socks outbound to our own socks inbound, with a login."""
    s, door, inner = serve(b), PORTS.one(), PORTS.one()
    engine_between(b, [inbound("socks", b.port), tunnel(door, s.port, network="udp"), inbound("socks", inner, "inner", login=True)],
                   [{"tag": "direct", "protocol": "freedom"}, through("socks", inner, login=True)],
                   [{"inboundTag": ["in", "tunnel"], "outboundTag": "up"}])
    for c in (Association(b), Tunnelled(b, door)):
        sizes(c, s.port, 1, 1400, 9000, 65000)
        many(c, s.port, MANY // 5, 1400)


# --- with others ---
def two_peers(b, a, ports_differ=False):
    """Two servers through one association: each answers, and the client sees who it was."""
    one, two = serve(b, lambda d, _: b"one " + d), serve(b, lambda d, _: b"two " + d)
    awake(a, one.port, "the first server")
    for i in range(20):
        for name, s in ((b"one ", one), (b"two ", two)):
            a.send(b"%d" % i, s.port)
            got = a.recv(5)
            check(got == (name + b"%d" % i, "127.0.0.1", s.port), f"the answer of {name}: {got}")
    check(ports_differ or one.clients[-1] == two.clients[-1], "both servers see the same source")
    return one


def stranger(a, one):
    """Who was never written to may answer too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as x:
        x.bind(("127.0.0.1", 0))
        x.sendto(b"hello", one.clients[-1])
        check(a.recv(5) == (b"hello", "127.0.0.1", x.getsockname()[1]), "a stranger's datagram")


def case_udp_cone(b):
    """Alone and through our own socks outbound."""
    inner = PORTS.one()
    engine_between(b, [inbound("socks", b.port), inbound("socks", inner, "inner")],
                   [{"tag": "direct", "protocol": "freedom"}, through("socks", inner)],
                   [{"inboundTag": ["in"], "port": "1-65535", "outboundTag": "up"}])
    a = Association(b)
    stranger(a, two_peers(b, a))
    direct = Association(b, tcp=b.client(("127.0.0.1", inner)))
    stranger(direct, two_peers(b, direct))


def behind(b, kind):
    s, door, its, its_login, door_login, its_door, to_door = serve(b), *(PORTS.one() for _ in range(6))
    start_peer(b, kind, [inbound("socks", its), inbound("socks", its_login, "in2", login=True), tunnel(its_door, s.port)],
               [{"protocol": "freedom"}])
    engine_between(b, [inbound("socks", b.port), tunnel(door, s.port, network="udp"),
                       tunnel(door_login, s.port, "tunnel2", network="udp"), tunnel(to_door, its_door, "tunnel3")],
                   [through("socks", its), through("socks", its_login, "up2", login=True), FREEDOM],
                   [{"inboundTag": ["tunnel2"], "outboundTag": "up2"}, {"inboundTag": ["tunnel3"], "outboundTag": "direct"}])
    for c in (Association(b), Tunnelled(b, door), Tunnelled(b, door_login), Tunnelled(b, to_door)):
        awake(c, s.port, f"{kind} behind")
        sizes(c, s.port, 1, 500, 1400, LARGEST[kind])
        many(c, s.port, MANY // 5, 1400, 7, kind)
    a = Association(b)
    one = two_peers(b, a, kind == "v2ray")
    if kind == "xray":
        stranger(a, one)


def in_front(b, kind):
    s, door, mine_login, door_login, its = serve(b), *(PORTS.one() for _ in range(4))
    engine_between(b, [inbound("mixed", b.port), inbound("socks", mine_login, "in2", login=True)])
    start_peer(b, kind, [inbound("socks", its), tunnel(door, s.port, network="udp"), tunnel(door_login, s.port, "tunnel2", network="udp")],
               [through("socks", b.port), through("socks", mine_login, "up2", login=True)],
               routing={"rules": [{"type": "field", "inboundTag": ["tunnel2"], "outboundTag": "up2"}]})
    a = Association(b, tcp=b.client(("127.0.0.1", its)))
    for c in (Tunnelled(b, door), Tunnelled(b, door_login), a):
        awake(c, s.port, f"{kind} in front")
        sizes(c, s.port, 1, 500, 1400, LARGEST[kind])
        many(c, s.port, MANY // 5, 1400, 7, kind)
    two_peers(b, a, True)


def case_udp_v2ray_behind(b):
    behind(b, "v2ray")


def case_udp_xray_behind(b):
    behind(b, "xray")


def case_udp_v2ray_in_front(b):
    in_front(b, "v2ray")


def case_udp_xray_in_front(b):
    in_front(b, "xray")


def case_udp_microsocks(b):
    """It has no UDP: nothing arrives, nothing breaks, TCP goes on."""
    s, t = serve(b), b.server(lambda c: c.sendall(recv_exact(c, 3)))
    engine_between(b, [inbound("socks", b.port)], [through("socks", start_microsocks(b))])
    a = Association(b)
    a.send(b"lost", s.port)
    check(a.recv(QUIET) is None and not s.seen, "no datagram")
    c = b.socks(t.port)
    c.sendall(b"tcp")
    check(recv_exact(c, 3) == b"tcp", "TCP")
