"""netns.py SCRATCH NFT, as root of a network namespace of its own: what netfilter brings to tunnel inbounds."""
import socket
import subprocess
import sys

from engbed import LIMIT, PORTS, Bed, check, echo, recv_all, recv_exact
from udp import QUIET, Association, serve, tunnel, udp_inbound

MARK = 77
FOREIGN = "198.51.100.7"
TABLE = """
table inet t {{
	chain out {{
		type route hook output priority mangle;
		meta mark {mark} return
		ip daddr 198.51.100.0/24 meta l4proto {{ tcp, udp }} meta mark set 1
		ip6 daddr 2001:db8:1::/64 meta l4proto {{ tcp, udp }} meta mark set 1
	}}
	chain pre {{
		type filter hook prerouting priority mangle;
		iifname lo ip daddr 198.51.100.0/24 meta l4proto {{ tcp, udp }} tproxy ip to 127.0.0.1:{tproxy} meta mark set 1 accept
		iifname lo ip6 daddr 2001:db8:1::/64 meta l4proto {{ tcp, udp }} tproxy ip6 to [::1]:{tproxy} meta mark set 1 accept
	}}
}}
table ip n {{
	chain out {{
		type nat hook output priority -100;
		meta mark {mark} return
		ip daddr 203.0.113.0/24 tcp dport 1-65535 redirect to :{redirect}
	}}
}}
"""


def run(*words, text=None):
    subprocess.run(words, input=text, text=True, check=True, timeout=LIMIT)


def network(nft, tproxy, redirect):
    run("ip", "link", "set", "lo", "up")
    for words in ("rule add fwmark 1 lookup 100", "route add local default dev lo table 100", "-6 rule add fwmark 1 lookup 100",
                  "-6 route add local default dev lo table 100", "addr add 10.9.9.9/32 dev lo", "route add default dev lo",
                  "-6 route add default dev lo"):
        run("ip", *words.split())
    run(nft, "-f", "-", text=TABLE.format(mark=MARK, tproxy=tproxy, redirect=redirect))


def tcp(b, host, port, data, family=socket.AF_INET):
    c = socket.socket(family)
    b.things.append(c)
    c.settimeout(LIMIT)
    c.connect((host, port))
    c.sendall(data)
    return recv_exact(c, len(data))


def udp(b, host, port, data, family=socket.AF_INET, timeout=LIMIT):
    """connected: an answer from another address would not be seen."""
    c = socket.socket(family, socket.SOCK_DGRAM)
    b.things.append(c)
    c.settimeout(timeout)
    c.connect((host, port))
    c.send(data)
    try:
        return c.recv(65536)
    except socket.timeout:
        return None


def main():
    b = Bed("netns", sys.argv[1])
    try:
        cases(b, sys.argv[2])
    finally:
        b.clean()


def cases(b, nft):
    tproxy, redirect = PORTS.one(), PORTS.one()
    network(nft, tproxy, redirect)
    t, s = b.server(echo), serve(b)
    port = PORTS.one()  # of the foreign hosts
    # Whatever is meant for a foreign host goes to a server of ours.
    out = {"protocol": "freedom", "streamSettings": {"sockopt": {"mark": MARK}}}
    b.start(b.config(
        inbounds=[{**udp_inbound(b)},
                  tunnel(tproxy, listen="::", tag="tproxy", followRedirect=True, sockopt={"tproxy": "tproxy", "mark": MARK}),
                  tunnel(redirect, listen="0.0.0.0", tag="redirect", followRedirect=True)],
        outbounds=[{**out, "tag": "tcp", "settings": {"redirect": f"127.0.0.1:{t.port}"}},
                   {**out, "tag": "udp", "settings": {"redirect": f"127.0.0.1:{s.port}"}},
                   {**out, "tag": "plain"}],
        routing={"rules": [{"inboundTag": ["in"], "outboundTag": "plain"}, {"network": "udp", "outboundTag": "udp"}]}))

    check(tcp(b, FOREIGN, port, b"tproxy") == b"tproxy", "TPROXY, TCP")
    check(tcp(b, "2001:db8:1::5", port, b"tproxy6", socket.AF_INET6) == b"tproxy6", "TPROXY, TCP, IPv6")
    check(tcp(b, "203.0.113.9", port, b"redirect") == b"redirect", "REDIRECT")
    check(udp(b, FOREIGN, port, b"datagram") == b"datagram", "TPROXY, UDP")
    check(udp(b, "2001:db8:1::5", port, b"datagram6", socket.AF_INET6) == b"datagram6", "TPROXY, UDP, IPv6")
    log = "\n".join(b.lines(b.access))
    for what in (f"accepted tcp:{FOREIGN}:{port} [tproxy", f"accepted tcp:203.0.113.9:{port} [redirect", f"accepted udp:{FOREIGN}:{port} [tproxy",
                 f"accepted udp:[2001:db8:1::5]:{port} [tproxy"):
        check(what in log, f"'{what}' in the access log: {log}")

    # One client, two foreign hosts: one path, and each answer from the right one.
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.settimeout(LIMIT)
    before = len(set(s.clients))
    for host in (FOREIGN, "198.51.100.8", FOREIGN):
        c.sendto(host.encode(), (host, port))
        check(c.recvfrom(100)[0] == host.encode(), f"an answer for {host}")
    check(len(set(s.clients)) == before + 1, "one source for both")
    c.close()

    # Straight to the listener: nothing was redirected, and it must not call itself.
    with socket.create_connection(("127.0.0.1", redirect), LIMIT) as direct:
        check(recv_all(direct) == b"", "a connection that was not redirected")
    with socket.create_connection(("127.0.0.1", tproxy), LIMIT) as direct:
        check(recv_all(direct) == b"", "a connection to the transparent listener itself")
    check(udp(b, "127.0.0.1", tproxy, b"x", timeout=QUIET) is None, "a datagram to the transparent listener itself")
    check(Association(b).ask(b"plain", s.port)[0] == b"plain", "SOCKS beside it")
    b.stop()


main()
