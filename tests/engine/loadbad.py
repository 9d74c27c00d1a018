"""Nothing left, or somebody who does not play along: descriptors, ports, readers, handshakes, resets."""
import random
import resource
import select
import shutil
import socket
import struct
import threading
import time

from engbed import LIMIT, SANITIZED, Skip, check, echo, pattern, recv_exact, until
from loadbed import figure, in_namespace

QUIETLY = {"loglevel": "warning", "access": "none"}
RESET = struct.pack("ii", 1, 0)


def quiet_log(b):
    return {**QUIETLY, "error": b.log}


def works(b, port, n=20):
    """Others are served meanwhile."""
    for i in range(n):
        s = b.socks(port)
        data = pattern(3000, i)
        s.sendall(data)
        check(recv_exact(s, len(data)) == data, "bytes of another connection")
        s.close()


# --- descriptors ---
def traced(b, config, limit):
    """The engine beneath strace, which is no parent of it; the file of its calls."""
    trace = f"{b.dir}/trace"
    b.start(config, wrap=("strace", "-D", "-f", "-o", trace, "-e", "trace=accept4,fcntl,epoll_wait,epoll_pwait,epoll_ctl,dup"),
            preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    return trace


def counts(b, trace):
    return {name: b.calls(trace, name) for name in ("accept4", "epoll_wait", "fcntl", "epoll_ctl")}


def hello(b):
    """A client in the queue: it has said what it wants and waits."""
    s = b.client()
    s.sendall(b"\5\1\0")
    return s


def case_no_descriptors(b):
    if SANITIZED:
        raise Skip("no_descriptors: the sanitizer's leak checker cannot run beneath strace")
    if not shutil.which("strace"):
        raise Skip("no_descriptors: strace is not installed")
    server, seconds, waiting = b.server(echo), 3, 150
    trace = traced(b, b.config(log=quiet_log(b)), 64)
    idle = b.settled_fds()
    old = [b.socks(server.port) for _ in range(5)]
    queue = [hello(b) for _ in range(waiting)]
    served = {}

    def serve(limit):
        """Goes on with whoever is answered; all that were ever answered get what they asked for."""
        while ready := select.select([s for s in queue if s not in served], [], [], limit)[0]:
            for s in ready:
                check(recv_exact(s, 2) == b"\5\0", "the method")
                s.sendall(b"\5\1\0\1\x7f\0\0\1" + server.port.to_bytes(2, "big"))
                code = recv_exact(s, 10)[1]
                check(code == 0, f"client {len(served)} was refused with {code}")
                s.sendall(b"hello")
                check(recv_exact(s, 5) == b"hello", "its bytes")
                served[s] = True
    serve(1)
    at_once = len(served)
    check(5 <= at_once < waiting, f"{at_once} of {waiting} were served with 64 descriptors")
    before, cpu, begin = counts(b, trace), b.cpu(), time.monotonic()
    while time.monotonic() - begin < seconds:
        for s in old:
            s.sendall(b"still")
            check(recv_exact(s, 5) == b"still", "an old connection")
        serve(0.3)
    check(len(served) == at_once, f"{len(served) - at_once} more were served without descriptors")
    after = counts(b, trace)
    made = {k: after[k] - before[k] for k in after}
    cpu = b.cpu() - cpu
    check(made["accept4"] <= 4 and sum(made.values()) < 400, f"calls while accepting is paused: {made}")
    check(b.ask("status")["ok"], "the control socket")
    while len(served) < waiting:  # those who were served go, and others come in their place
        for s in [s for s in served if s.fileno() >= 0]:
            s.close()
        n = len(served)
        until(lambda: serve(0.1) or len(served) > n, f"accepting to go on with {n} of {waiting}")
    said = [line for line in b.lines(b.log) if "no descriptor" in line]
    check(1 <= len(said) <= 2 * b.stats()["workers"], f"{len(said)} lines: {said[:5]}")
    for s in old + queue:
        s.close()
    b.quiet()
    b.settled_fds(idle[0])
    figure("no descriptors", f"{at_once} of {waiting} served at once, then in {seconds} s of pause {made} and {cpu:.2f} s of CPU (with "
           f"strace); all {waiting} in the end, {len(said)} lines in the log")


def case_no_descriptors_for_datagrams(b):
    """Associations do not take what the control socket and reloads need."""
    limit = 128
    b.start(b.config(log=quiet_log(b), inbounds=[{"tag": "in", "listen": "127.0.0.1", "port": b.port, "protocol": "socks",
                                                   "settings": {"udp": True}}]),
            preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    clients, codes = [], []
    for _ in range(80):
        s = b.client()
        clients.append(s)
        s.sendall(b"\5\1\0\5\3\0\1\0\0\0\0\0\0")
        s.settimeout(2 if len(codes) > 20 else LIMIT)
        try:
            codes.append(recv_exact(s, 12)[3])
        except OSError:
            break  # it waits to be accepted
    check(20 <= codes.count(0) < 80 and set(codes) <= {0, 1}, str(codes))
    check(sum(b.fds()) <= limit - 8, f"{b.fds()} of {limit} descriptors")
    b.reload(b.config(log=quiet_log(b)))
    for s in clients:
        s.close()
    b.quiet()
    works(b, b.server(echo).port, 3)


# --- peers that do not read ---
def case_stalled_peers(b):
    """500 connections whose receiver never reads, 250 in each direction."""
    n, release = 250, threading.Event()
    full = bytes(1 << 16)

    def never_reads(c):
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        release.wait(4 * LIMIT)

    def always_writes(c):
        c.settimeout(4 * LIMIT)
        while not release.is_set():
            c.sendall(full)
    sink, source, server = b.server(never_reads), b.server(always_writes), b.server(echo)
    b.start(b.config(log=quiet_log(b)))
    before, fds = b.rss(), b.settled_fds()
    up = [b.socks(sink.port) for _ in range(n)]
    for s in up:
        s.setblocking(False)
    down = []
    for _ in range(n):
        s = b.socks(source.port)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        down.append(s)

    def push():
        sent = 0
        for s in up:
            try:
                while True:
                    sent += s.send(full)
            except BlockingIOError:
                pass
        return sent
    total, flat = push(), []

    def is_full():
        """Buffers of the system grow for a while: full is when nothing went in three times, while others were served."""
        nonlocal total
        works(b, server.port)
        more = push()
        total += more
        flat[:] = [] if more else [*flat, b.rss()]
        return len(flat) == 4
    until(is_full, "the engine to stop reading")
    b.quiet(2 * n)
    peak = max(flat)
    release.set()
    for s in up + down:
        s.close()
    b.quiet()
    b.settled_fds(fds[0])
    figure("stalled peers", f"{2 * n}: RssAnon {before} -> {peak} kB, {(peak - before) / 2 / n:.1f} kB each ({flat}), {b.rss()} kB behind them; "
           f"{total >> 20} MiB went in")
    check(peak - before < 2 * n * 272, f"RssAnon {before} -> {peak} kB")
    check(flat[-1] - flat[0] < 4096, f"it goes on growing: {flat}")


# --- handshakes ---
def trickle(clients, texts, stop):
    at = 0
    while not stop.wait(0.2):
        for s, text in zip(clients, texts):
            try:
                if text:
                    s.send(text[at % len(text):at % len(text) + 1])
            except OSError:
                pass
        at += 1


def case_slow_handshakes(b):
    """Silent, stuck in the middle, and one byte at a time: closed when the time for a handshake is over."""
    n, time_s = 300, 2
    server = b.server(echo)
    b.start(b.config(log=quiet_log(b), policy={"levels": {"0": {"handshake": time_s}}},
                     inbounds=[{"tag": "in", "listen": "127.0.0.1", "port": b.port, "protocol": "mixed"}]))
    fds = b.settled_fds()
    begin = time.monotonic()
    clients = [b.client() for _ in range(n)]
    texts = [(b"", b"\5\xff" + b"\1" * 255, b"GET http://127.0.0.1/ HTTP/1.1\r\n" + b"X: y\r\n" * 500)[i % 3] for i in range(n)]
    stop = threading.Event()
    threading.Thread(target=trickle, args=(clients, texts, stop), daemon=True).start()
    most = until(lambda: b.stats()["flows"], "flows")
    works(b, server.port, 10)
    poller, ends = select.poll(), []
    for s in clients:
        poller.register(s, select.POLLIN)
    left = {s.fileno(): s for s in clients}
    while left and time.monotonic() - begin < LIMIT:
        for fd, _ in poller.poll(200):
            try:
                over = not left[fd].recv(4096)
            except OSError:
                over = True
            if over:
                poller.unregister(fd)
                del left[fd]
                ends.append(time.monotonic() - begin)
        most = max(most, b.stats()["flows"])
    stop.set()
    check(not left, f"{len(left)} of {n} handshakes are still open after {LIMIT} s")
    check(min(ends) >= time_s - 0.1, f"one was closed after {min(ends):.2f} s")
    check(most <= n + 1, f"{most} flows")
    b.quiet()
    b.settled_fds(fds[0])
    figure("slow handshakes", f"{n}: all closed between {min(ends):.2f} and {max(ends):.2f} s ({time_s} s are given), at most {most} flows")


# --- resets ---
def drop_it(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    s.close()


def case_reset_storm(b):
    """Resets from clients at each step, and from servers."""
    n, rng = 3000, random.Random(7)

    def server_resets(c):
        c.recv(rng.randrange(1, 4096))
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    bad, server = b.server(server_resets), b.server(echo)
    b.start(b.config(log=quiet_log(b)))
    fds, rss, steps = b.settled_fds(), b.rss(), [0] * 6
    for i in range(n):
        step = rng.randrange(6)
        steps[step] += 1
        s = socket.create_connection(("127.0.0.1", b.port), LIMIT)
        if step >= 1:
            s.sendall(b"\5\1\0")
        if step >= 2:
            s.sendall(b"\5\1\0\1\x7f\0\0\1" + (bad if step == 5 else server).port.to_bytes(2, "big"))
        if step >= 3:
            recv_exact(s, 12)
        if step >= 4:
            s.sendall(bytes(rng.randrange(1, 100000)) if step == 4 else b"x")
        if step == 5:
            try:
                s.recv(1)
            except OSError:
                pass
        drop_it(s)
        if i % 500 == 0:
            works(b, server.port, 1)
    b.quiet()
    works(b, server.port)
    b.quiet()
    b.settled_fds(fds[0])
    figure("reset storm", f"{n} resets, by step {steps}: RssAnon {rss} -> {b.rss()} kB, descriptors {fds} -> {b.fds()}")


# --- in a network of their own ---
def case_no_ports(b):
    in_namespace(b, "no_ports")


def case_peer_vanishes(b):
    in_namespace(b, "peer_vanishes")


def case_full_disk(b):
    in_namespace(b, "full_disk")


def case_happy_eyeballs(b):
    in_namespace(b, "happy_eyeballs")
