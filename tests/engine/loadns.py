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


def peer_vanishes(b):
    """A server, then a client, of which nothing is heard any more, not even a reset."""
    nft = shutil.which(os.environ.get("NFT", "nft")) or shutil.which("nft", path="/usr/sbin:/sbin")
    if not nft:
        raise Skip("peer_vanishes: nft is not installed")
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


CASES = {"no_ports": no_ports, "peer_vanishes": peer_vanishes, "full_disk": full_disk}


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
