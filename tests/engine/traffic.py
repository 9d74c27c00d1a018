"""TCP through SOCKS and freedom: bytes, ends, resets, and descriptors that run out."""
import resource
import socket
import struct
import threading
import time

from engbed import LIMIT, SANITIZED, check, echo, pattern, recv_all, recv_exact, until

SIZES = [1, 2, 1000, 16384, 65536, 65537, 262144, 1 << 20, 8 << 20, 64 << 20]


def case_down(b):
    """Downloads of all sizes, ended by the server."""
    server = b.server(lambda c: c.sendall(pattern(struct.unpack(">I", recv_exact(c, 4))[0])))
    b.start()
    for n in SIZES:
        s = b.socks(server.port)
        s.sendall(struct.pack(">I", n))
        check(recv_all(s) == pattern(n), f"{n} bytes down")
        s.close()
    until(lambda: b.stats()["flows"] == 0, "no flow is left")


def case_up(b):
    """Uploads of all sizes, ended by the client's half-close; the server answers behind it."""
    def count(c):
        got = recv_all(c)
        c.sendall(struct.pack(">I?", len(got), got == pattern(len(got))))

    server = b.server(count)
    b.start()
    for n in SIZES:
        s = b.socks(server.port)
        s.sendall(pattern(n))
        s.shutdown(socket.SHUT_WR)
        check(recv_all(s) == struct.pack(">I?", n, True), f"{n} bytes up")
        s.close()


def case_both_ways(b):
    """More in each direction at once than any buffer holds."""
    server = b.server(echo)
    b.start()
    data = pattern(24 << 20, 5)
    s = b.socks(server.port)
    threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)), daemon=True).start()
    check(recv_all(s) == data, "an echo of 24 MiB")


def case_slow_reader(b):
    """The engine stops reading when nobody takes it: its memory stays small."""
    size = 96 << 20  # the kernel's own buffers can hold 72 MiB of it
    sent = []

    def serve(c):
        c.settimeout(None)
        c.sendall(pattern(size))
        sent.append(True)

    server = b.server(serve)
    b.start()
    s = b.socks(server.port)
    before = anonymous(b)
    last = -1
    while True:  # until nothing moves any more
        now = b.cpu()
        if now == last:
            break
        last = now
        time.sleep(0.3)
    check(not sent, "the server is held back")
    check(SANITIZED or anonymous(b) - before < 1024, f"{anonymous(b) - before} KiB more")
    check(recv_all(s) == pattern(size), "all of it in the end")


def anonymous(b):
    return int(open(f"/proc/{b.process.pid}/status").read().split("RssAnon:")[1].split()[0])


def case_half_close(b):
    """The server ends first, and what the client sends after that arrives."""
    got = []

    def serve(c):
        c.sendall(b"bye")
        c.shutdown(socket.SHUT_WR)
        got.append(recv_all(c))

    server = b.server(serve)
    b.start()
    s = b.socks(server.port)
    check(recv_all(s) == b"bye", "the server's end arrives at once")
    s.sendall(b"one more thing")
    s.shutdown(socket.SHUT_WR)
    until(lambda: got, "the server's reading")
    check(got == [b"one more thing"], str(got))


def hard_close(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def case_reset_by_server(b):
    def serve(c):
        recv_exact(c, 1)
        hard_close(c)

    server = b.server(serve)
    b.start()
    s = b.socks(server.port)
    s.sendall(b"x")
    try:
        got = s.recv(10)
        check(False, f"an end instead of a reset: {got}")
    except ConnectionResetError:
        pass


def case_reset_by_client(b):
    ends = []

    def serve(c):
        try:
            ends.append(recv_all(c))
        except ConnectionResetError:
            ends.append("reset")

    server = b.server(serve)
    b.start()
    s = b.socks(server.port)
    s.sendall(b"x")
    until(lambda: server.open, "the connection")
    hard_close(s)
    until(lambda: ends, "the end at the server")
    check(ends == ["reset"], str(ends))


def case_refused(b):
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    b.start()
    for _ in range(50):
        s = b.socks(port, code=5)
        check(recv_all(s) == b"", "an end behind the reply")
    s = b.client()  # says more than it was asked for before the reply
    s.sendall(b"\5\1\0" + b"\5\1\0\1\x7f\0\0\1" + port.to_bytes(2, "big") + b"early bytes" * 500)
    check(recv_exact(s, 12)[3] == 5, "the reply arrives all the same")


def case_early_bytes(b):
    """The first bytes in one packet with the request, and one byte at a time."""
    server = b.server(echo)
    b.start()
    request = b"\5\1\0" + b"\5\1\0\1\x7f\0\0\1" + server.port.to_bytes(2, "big")
    s = b.client()
    s.sendall(request + b"early")
    check(recv_exact(s, 12)[2:4] == b"\5\0" and recv_exact(s, 5) == b"early", "early bytes")
    s = b.client()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in request + b"slow":
        s.send(bytes([byte]))
        time.sleep(0.001)
    check(recv_exact(s, 16)[12:] == b"slow", "one byte at a time")


def case_many_short(b):
    server = b.server(lambda c: c.sendall(recv_exact(c, 4)))
    b.start()
    before = b.descriptors()
    failures = []

    def one(k):
        try:
            for i in range(100):
                s = b.socks(server.port)
                word = struct.pack(">HH", k, i)
                s.sendall(word)
                check(recv_all(s) == word, "a word")
                s.close()
        except Exception as e:
            failures.append(repr(e))

    threads = [threading.Thread(target=one, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(LIMIT * 2)
    check(not failures, str(failures[:3]))
    until(lambda: b.stats()["flows"] == 0, "no flow is left")
    until(lambda: b.descriptors() <= before, "no descriptor is left")


def case_not_socks(b):
    b.start()
    for junk in (b"\5\0", b"\4\2\0\0\0\0\0\0\0", b"\xff" * 100, b"\5\1\0\5\1\0\7"):
        s = b.client()
        s.sendall(junk)
        try:
            recv_all(s)
        except ConnectionResetError:
            pass
    s = b.client()
    s.sendall(b"\5")
    s.close()
    until(lambda: b.stats()["flows"] == 0, "no flow is left")
    b.socks(b.server(echo).port)


def case_handshake_time(b):
    b.start(b.config(policy={"levels": {"0": {"handshake": 1}}}))
    s = b.client()
    begin = time.monotonic()
    try:
        check(s.recv(1) == b"", "an end")
    except ConnectionResetError:
        pass
    check(0.9 < time.monotonic() - begin < 5, "after a second")


def case_idle_times(b):
    server = b.server(lambda c: (recv_all(c), time.sleep(LIMIT)))
    b.start(b.config(policy={"levels": {"0": {"connIdle": 2, "downlinkOnly": 1, "uplinkOnly": 1}}}))
    idle, half = b.socks(server.port), b.socks(server.port)
    begin = time.monotonic()
    half.shutdown(socket.SHUT_WR)
    check(half.recv(1) == b"", "the half-closed one ends")
    took = time.monotonic() - begin
    check(0.9 < took < 1.9, f"after one second: {took}")
    check(idle.recv(1) == b"", "the idle one ends")
    took = time.monotonic() - begin
    check(1.9 < took < 6, f"after two seconds: {took}")


def case_no_descriptors(b):
    """100 clients where 64 descriptors are allowed: the rest wait, nothing spins, and all is well again when some have gone."""
    server = b.server(echo)
    b.start(None, "--workers", "2", preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    clients = [b.client() for _ in range(100)]
    until(lambda: any("no descriptor" in line for line in b.lines(b.log)), "a word in the log")
    begin, cpu = time.monotonic(), b.cpu()
    time.sleep(1.5)
    used, passed = b.cpu() - cpu, time.monotonic() - begin
    check(used < 0.2 * passed, f"{used} s of CPU in {passed} s")
    check(b.stats()["flows"] < 64, "as many flows as there are descriptors")
    for s in clients[:90]:
        s.close()
    for _ in range(3):
        s = b.socks(server.port)
        s.sendall(b"again")
        check(recv_exact(s, 5) == b"again", "bytes")
    warnings = [line for line in b.lines(b.log) if "no descriptor" in line]
    check(len(warnings) <= 4, f"{len(warnings)} lines about it")
