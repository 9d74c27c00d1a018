"""What sniffing changes: the target, by names and by addresses; and what is known when the wait is over."""
import socket
import ssl
import threading
import time

from engbed import FREEDOM, Server, check, recv_exact, until

BLOCK = {"tag": "block", "protocol": "blackhole"}


class At(Server):
    """Says which one it is as soon as something has been said to it."""

    def __init__(self, host, port, number):  # not Server's: at that address
        self.open, self.serve = [], lambda c: (c.recv(65536), c.sendall(number))
        self.socket = socket.create_server((host, port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()


def start(b, sniffing, **more):
    """Servers 1 and 2 at one port of 127.0.0.1 and 127.0.0.2; clients ask for the first one."""
    one = At("127.0.0.1", 0, b"1")
    b.things += [one, At("127.0.0.2", one.port, b"2")]
    config = b.config(**more)
    config["inbounds"][0]["sniffing"] = {"enabled": True, "destOverride": ["http", "tls"], **sniffing}
    b.start(config)
    return one.port


def answer(b, port, said, close=False):
    s = b.socks(port)
    s.sendall(said)
    if close:
        s.shutdown(socket.SHUT_WR)
    return recv_exact(s, 1)


def head(host, end=b"\r\n\r\n"):
    return b"GET / HTTP/1.1\r\nHost: " + host + end


def hello(name):
    """A ClientHello for a name; ssl itself sends none for an address."""
    stand_in = b"a" * len(name)
    out = ssl.MemoryBIO()
    o = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=stand_in.decode())
    try:
        o.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read().replace(stand_in, name)


def case_sniffed_address(b):
    """An address in the place of a name replaces the target, too, as it does in Xray."""
    port = start(b, {})
    check(answer(b, port, head(b"127.0.0.2")) == b"2", "Host with an address")
    check(answer(b, port, head(b"127.0.0.2:1")) == b"2", "its port is not taken")
    check(answer(b, port, hello(b"127.0.0.2")) == b"2", "server_name with an address")
    check(answer(b, port, head(b"127.0.0.1")) == b"1", "the same address")


def case_sniffed_address_route_only(b):
    """Then rules go on seeing the target's own address."""
    port = start(b, {"routeOnly": True}, routing={"rules": [{"ip": ["127.0.0.2"], "outboundTag": "block"}]})
    check(answer(b, port, head(b"127.0.0.2")) == b"1", "the target")


def case_sniffed_address_excluded(b):
    port = start(b, {"domainsExcluded": ["full:127.0.0.2"]})
    check(answer(b, port, head(b"127.0.0.2")) == b"1", "HTTP")
    check(answer(b, port, hello(b"127.0.0.2")) == b"1", "TLS")


def rules(port):
    return {"routing": {"rules": [{"domain": ["full:two.test"], "outboundTag": "two"}]},
            "outbounds": [FREEDOM, {"tag": "two", "protocol": "freedom", "settings": {"redirect": f"127.0.0.2:{port}"}}, BLOCK]}


def case_sniff_time_over(b):
    """A head that does not end: when the wait is over the Host that was read counts."""
    port = start(b, {})
    b.reload({**b.config(**rules(port)), "inbounds": [{
        "tag": "in", "listen": "127.0.0.1", "port": b.port, "protocol": "socks",
        "sniffing": {"enabled": True, "destOverride": ["http"], "routeOnly": True}}]})
    begin = time.monotonic()
    check(answer(b, port, head(b"two.test", b"\r\nX-More: ")) == b"2", "the rule for the name")
    check(0.15 < time.monotonic() - begin < 5, f"after {time.monotonic() - begin:.2f} s")
    check(answer(b, port, head(b"two.te", b"")) == b"1", "half a name is none")
    check(answer(b, port, head(b"two.test", b"\r\nX: "), close=True) == b"2", "the client has said all")
    until(lambda: any("-> two" in x for x in b.lines(b.access)), "the access log")
