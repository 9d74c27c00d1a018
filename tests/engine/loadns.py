"""loadns.py SCRATCH CASE, as root of a network and a mount namespace of its own."""
import os
import shutil
import socket
import subprocess
import sys
import time

from engbed import LIMIT, Failed, Skip, check, echo, recv_exact, until
from loadbed import LoadBed, figure, socks_try


def run(*words, text=None):
    subprocess.run(words, input=text, text=True, check=True, timeout=LIMIT, capture_output=True)


def no_ports(b):
    """Every port to one target is taken: each further connection is refused with a general failure, others are not."""
    first, n = 61001, 32  # beyond the ports that the servers can have got
    server, other = b.server(echo), b.server(echo)  # while other ports can be had
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", "w", encoding="ascii") as f:
            f.write(f"{first} {first + n - 1}")
    except OSError as e:
        raise Skip(f"no_ports: the range of ports cannot be set here ({e})") from e
    path = f"{b.dir}/in.sock"
    b.start(b.config(log={"loglevel": "info", "error": b.log, "access": "none"},
                     inbounds=[{"tag": "in", "listen": path, "protocol": "socks"}]))
    fds, tries = b.settled_fds(), 500
    held = []
    for i in range(n):
        code, s = socks_try(path, server.port, family=socket.AF_UNIX)
        check(code == 0, f"reply {code} to connection {i} of {n}")
        held.append(s)
    cpu = b.cpu()
    for i in range(tries):
        code, s = socks_try(path, server.port, family=socket.AF_UNIX)
        check(code == 1, f"reply {code} to try {i} without a port")
        s.close()
    cpu = b.cpu() - cpu
    b.quiet(n)
    for s in held:
        s.sendall(b"held")
        check(recv_exact(s, 4) == b"held", "a connection that has a port")
    code, s = socks_try(path, other.port, family=socket.AF_UNIX)
    check(code == 0, f"reply {code} for another target, which the same ports serve")
    s.close()
    held.pop().close()

    def comes_back():
        code, s = socks_try(path, server.port, family=socket.AF_UNIX)
        if code == 0:
            s.sendall(b"again")
            check(recv_exact(s, 5) == b"again", "its bytes")
        s.close()
        return code == 0
    until(comes_back, "a port that came back")
    for s in held:
        s.close()
    b.quiet()
    b.settled_fds(fds[0])
    figure("no ports", f"{n} ports, {tries} tries more: all with reply 1, {1000 * cpu / tries:.2f} ms of CPU each; served again when one came back")


TABLE = """
table inet t {{
	chain out {{
		type filter hook output priority 0;
		tcp sport {port} drop
		tcp dport {port} drop
	}}
}}
"""


def nft_program(case):
    nft = shutil.which(os.environ.get("NFT", "nft")) or shutil.which("nft", path="/usr/sbin:/sbin")
    if not nft:
        raise Skip(f"{case}: nft is not installed")
    return nft


def peer_vanishes(b):
    """A server, then a client, of which nothing is heard any more, not even a reset."""
    nft = nft_program("peer_vanishes")
    server, other, idle_s, n = b.server(echo), b.server(echo), 2, 50
    b.start(b.config(log={"loglevel": "info", "error": b.log, "access": "none"}, policy={"levels": {"0": {"connIdle": idle_s}}}))
    fds = b.settled_fds()
    flows = [b.socks(server.port) for _ in range(n)]
    for s in flows:
        s.sendall(b"here")
        check(recv_exact(s, 4) == b"here", "before it vanishes")
    run(nft, "-f", "-", text=TABLE.format(port=server.port))
    begin = time.monotonic()
    for s in flows[::2]:
        s.sendall(b"lost")  # half of them with bytes that nobody acknowledges
    for s in flows:
        check(s.recv(1) == b"", "the end of a flow whose server has vanished")
    took = time.monotonic() - begin
    b.quiet()
    b.settled_fds(fds[0])
    check(took >= idle_s - 0.5, f"they ended after {took:.1f} s")
    begin = time.monotonic()
    code, _ = socks_try(("127.0.0.1", b.port), server.port)
    dial = time.monotonic() - begin
    check(code == 6, f"reply {code} where nobody answers")
    run(nft, "flush", "ruleset")
    run(nft, "-f", "-", text=TABLE.format(port=b.port))  # and now the clients
    run(nft, "flush", "ruleset")
    flows = [b.socks(other.port) for _ in range(n)]
    run(nft, "-f", "-", text=TABLE.format(port=b.port))
    b.quiet()
    b.settled_fds(fds[0])
    figure("a peer vanishes", f"{n} flows ended {took:.1f} s later by the idle timer ({idle_s} s), {n} more whose clients vanished too; a new one "
           f"got reply {code} after {dial:.1f} s")


def full_disk(b):
    """A log on a disk without room: the engine goes on, and so does the log when there is room again."""
    disk = f"{b.dir}/disk"
    os.mkdir(disk)
    try:
        run("mount", "-t", "tmpfs", "-o", "size=64k", "none", disk)
    except (OSError, subprocess.SubprocessError) as e:
        raise Skip(f"full_disk: no tmpfs can be mounted here ({type(e).__name__})") from e
    server = b.server(echo)
    log, access = f"{disk}/error.log", f"{disk}/access.log"
    b.start(b.config(log={"loglevel": "debug", "error": log, "access": access}))

    def one():
        s = b.socks(server.port)
        s.sendall(b"x")
        check(recv_exact(s, 1) == b"x", "a connection with a full disk")
        s.close()
    n = 0
    while n < 2000 and os.statvfs(disk).f_bavail:
        one()
        n += 1
    check(not os.statvfs(disk).f_bavail, "the disk is full")
    for _ in range(300):
        one()
    os.truncate(access, 0)
    one()
    last = until(lambda: b.lines(access)[1:], "lines when there is room again")
    check(any("lost" in line for line in last) and all(line.startswith("20") for line in last if line), str(last[:5]))
    b.reload(b.config(log={"loglevel": "debug", "error": log, "access": access}))
    one()
    figure("full disk", f"full after {n} connections, 300 more went through; then: {[line[27:90] for line in last][:2]}")


def dual(b, server, eyeballs, *addresses):
    """(seconds, reply code) of a connection to a name with these addresses."""
    sockopt = {"domainStrategy": "UseIP", "happyEyeballs": eyeballs}
    b.reload(b.config(dns={"hosts": {"dual.test": list(addresses)}, "servers": ["127.0.0.1"]},
                      outbounds=[{"tag": "direct", "protocol": "freedom", "streamSettings": {"sockopt": sockopt}}]))
    begin = time.monotonic()
    s = b.client()
    s.sendall(b"\5\1\0")
    check(recv_exact(s, 2) == b"\5\0", "the method")
    s.sendall(b"\5\1\0\3\x09dual.test" + server.port.to_bytes(2, "big"))
    s.settimeout(LIMIT)
    code = recv_exact(s, 10)[1]
    if code == 0:
        s.sendall(b"hello")
        check(recv_exact(s, 5) == b"hello", "the echo")
    s.close()
    return time.monotonic() - begin, code


MUTE = """
table inet t {
	chain in {
		type filter hook input priority 0;
		ip daddr 192.0.2.0/24 drop
		ip6 daddr 2001:db8::/64 drop
	}
}
"""


def unanswered():
    """Connections of which nobody has answered the first packet."""
    found = []
    for family in ("tcp", "tcp6"):
        with open(f"/proc/net/{family}", encoding="ascii") as f:
            found += [line for line in f if line.split()[3] == "02"]
    return len(found)


def happy_eyeballs(b):
    """Addresses that swallow everything stand before the one that answers; who comes second is closed at once."""
    nft = nft_program("happy_eyeballs")
    for address in ("192.0.2.7/32", "192.0.2.8/32", "2001:db8::7/128"):
        run("ip", "addr", "add", address, "dev", "lo")
    run(nft, "-f", "-", text=MUTE)
    server = b.server(echo)
    b.start(b.config())
    fds = b.settled_fds()
    took, code = dual(b, server, {"tryDelayMs": 100}, "192.0.2.7", "192.0.2.8", "127.0.0.1")
    check(code == 0, f"reply {code} with the third address alive")
    check(took >= 0.2, f"the third address was tried after {took:.3f} s, before the others had their time")
    until(lambda: unanswered() == 0, "the end of the attempts that lost")
    six, code = dual(b, server, {"tryDelayMs": 100, "prioritizeIPv6": True}, "127.0.0.1", "2001:db8::7")
    check(code == 0 and six >= 0.1, f"reply {code} after {six:.3f} s: IPv6, which is mute, has its turn first")
    four, code = dual(b, server, {"tryDelayMs": 10000}, "127.0.0.1", "2001:db8::7")
    check(code == 0 and four < 10, f"reply {code} after {four:.3f} s: IPv4 comes first otherwise")
    refused, code = dual(b, server, {"tryDelayMs": 10000}, "127.0.0.2", "127.0.0.1")  # 127.0.0.2 refuses: no wait
    check(code == 0 and refused < 10, f"reply {code} after {refused:.3f} s behind a refusal")
    none, code = dual(b, server, {"tryDelayMs": 50}, "127.0.0.2", "127.0.0.3")
    check(code == 5, f"reply {code} where every address refuses")
    b.quiet()
    b.settled_fds(fds[0])
    figure("happy eyeballs", f"third address after {1000 * took:.0f} ms (two mute ones, 100 ms each), IPv4 after {1000 * six:.0f} ms behind mute IPv6, "
           f"behind a refusal after {1000 * refused:.0f} ms; all refuse: {1000 * none:.0f} ms")


CASES = {"no_ports": no_ports, "peer_vanishes": peer_vanishes, "full_disk": full_disk, "happy_eyeballs": happy_eyeballs}


def main():
    run("ip", "link", "set", "lo", "up")
    b = LoadBed("ns", sys.argv[1])
    try:
        CASES[sys.argv[2]](b)
        b.stop()
    except Skip as e:
        print(e)
        sys.exit(77)
    except Failed as e:
        print(e, b.said()[-3000:])
        sys.exit(1)
    finally:
        b.clean()


main()
