"""Reloads under load, thousands of idle connections, thousands of UDP associations."""
import resource
import signal
import socket
import statistics
import threading
import time

from engbed import FREEDOM, LIMIT, PORTS, check, recv_exact
from loadbed import FULL, figure, slope
from udp import tunnel


class Marked:
    """A server that names itself to each client and then echoes, so that it shows which outbound led to it."""

    def __init__(self, b, name, host="127.0.0.1", port=0):
        self.name = name
        self.socket = socket.create_server((host, port), backlog=256)
        self.port = self.socket.getsockname()[1]
        b.things.append(self.socket)
        threading.Thread(target=self._accept, args=(b,), daemon=True).start()

    def _accept(self, b):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            b.things.append(c)
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        try:
            c.sendall(self.name)
            while more := c.recv(4096):
                c.sendall(self.name + more)
        except OSError:
            pass
        c.close()


class Reloads:
    """Configurations that take turns in routes, outbounds, dns and a listener; unchanged are the listeners of the traffic."""

    def __init__(self, b):
        self.b, self.extra, self.tunnel = b, PORTS.one(), PORTS.one()
        self.tcp, self.udp = b.peer()
        self.marked = [Marked(b, b"A"), Marked(b, b"B")]
        self.named = [Marked(b, b"2", "127.0.0.2")]
        self.named.append(Marked(b, b"3", "127.0.0.3", self.named[0].port))
        self.old, self.n = [], 0
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # one path, through all reloads
        self.client.settimeout(LIMIT)
        b.things.append(self.client)

    def config(self, n):
        turn = n % 2
        ways = [{"tag": t, "protocol": "freedom", "settings": {"redirect": f"127.0.0.1:{m.port}"}}
                for t, m in zip("ab", self.marked)]
        names = {"tag": "names", "protocol": "freedom", "settings": {"domainStrategy": "ForceIP"}}
        more = [{"tag": f"spare-{n}", "protocol": "blackhole"}] if turn else []
        inbounds = [{"tag": "in", "listen": "127.0.0.1", "port": self.b.port, "protocol": "socks", "settings": {"udp": True}},
                    tunnel(self.tunnel, tag="tunnel", address="127.0.0.1", port=self.udp)]
        if turn:
            inbounds.insert(0, {"tag": "extra", "listen": "127.0.0.1", "port": self.extra, "protocol": "socks"})
        return self.b.config(
            log={"loglevel": "warning", "error": self.b.log, "access": "none"}, inbounds=inbounds,
            outbounds=[FREEDOM, *more, *(reversed(ways) if turn else ways), names],
            dns={"hosts": {"probe.test": f"127.0.0.{2 + turn}"}},
            routing={"rules": [{"domain": [f"full:nobody-{i}.test"], "outboundTag": "b"} for i in range(n % 50)]
                     + [{"port": 7, "outboundTag": "ab"[turn]}, {"domain": ["full:probe.test"], "outboundTag": "names"}]})

    def reload(self):
        self.n += 1
        self.b.put(self.config(self.n))
        if self.n // 2 % 2:
            self.b.process.send_signal(signal.SIGHUP)
            while self.b.told() != {"READY": "1"}:
                pass
        else:
            answer = self.b.ask("reload")
            check(answer["ok"], f"reload {self.n}: {answer}")
            while self.b.told() != {"READY": "1"}:
                pass
        self.probe(self.n % 2)

    def probe(self, turn):
        """What is opened from now on goes the new way; what was opened before goes on as it was."""
        for _ in range(4):  # whichever worker takes it
            s = self.b.socks(7)
            check(recv_exact(s, 1) == b"AB"[turn:turn + 1], f"reload {self.n}: a new flow by the old route")
        self.old.append((s, b"AB"[turn:turn + 1]))
        s = self.b.socks(self.named[0].port, host="probe.test")
        check(recv_exact(s, 1) == b"23"[turn:turn + 1], f"reload {self.n}: a new flow by the old dns section")
        self.client.sendto(b"datagram %d" % self.n, ("127.0.0.1", self.tunnel))
        check(self.client.recv(99) == b"datagram %d" % self.n, "UDP through a tunnel")
        if turn:
            s = self.b.socks(7, address=("127.0.0.1", self.extra))
            check(recv_exact(s, 1) == b"B", "the added listener")
            self.old.append((s, b"B"))
        else:
            check(self.is_refused(), f"reload {self.n}: the removed listener still answers")
        for s, name in self.old[-16:]:
            s.sendall(b"old")
            check(recv_exact(s, 4) == name + b"old", f"reload {self.n}: an old flow")

    def is_refused(self):
        try:
            with socket.create_connection(("127.0.0.1", self.extra), LIMIT):
                return False
        except ConnectionRefusedError:
            return True

    def all_old(self):
        for s, name in self.old:
            s.sendall(b"end")
            check(recv_exact(s, 4) == name + b"end", "an old flow at the end")
            s.close()
        n = len(self.old)
        self.old = []
        return n


def shut(b):
    """Ends the connections that the case itself has open."""
    for t in b.things:
        if isinstance(t, socket.socket) and t.family == socket.AF_INET and t.type == socket.SOCK_STREAM:
            try:
                t.getpeername()
            except OSError:
                continue
            t.close()


def trimmed(b, r):
    """RssAnon when the C library has given back what is free, which it does at a reload."""
    for _ in range(2):
        b.reload(r.config(r.n))
        while b.told() != {"READY": "1"}:
            pass
    return b.rss()


def case_reload_under_load(b):
    r = Reloads(b)
    n, seconds = (100, 60) if FULL else (34, 20)
    b.start(r.config(0), env=b.listen_notify())
    b.told()
    b.no_faults(b.result(b.load(r.tcp, r.udp, 2000, 44, 12, 8)))
    for _ in range(4):
        r.reload()
    r.all_old()
    shut(b)
    b.quiet()
    fds, rss = b.settled_fds(), trimmed(b, r)
    load = b.load(r.tcp, r.udp, seconds * 1000, 44, 12, 8)
    begin, done = time.monotonic(), 0
    while time.monotonic() < begin + seconds - 1 and done < n:
        r.reload()
        done += 1
        time.sleep(max(0, begin + done * (seconds - 1) / n - time.monotonic()))
    took = time.monotonic() - begin
    check(done == n, f"{done} of {n} reloads in {took:.0f} s")
    check(load.poll() is None, "the traffic has ended before the reloads")
    counts = b.result(load)
    b.no_faults(counts)
    check(min(counts[k] for k in ("connections", "streams", "datagrams")) > 0, str(counts))
    old = r.all_old()
    shut(b)
    b.quiet()
    after, raw = b.settled_fds(fds[0]), b.rss()
    end = trimmed(b, r)
    figure("reload under load", f"{done} reloads in {took:.1f} s of traffic: {counts}; {old} older flows all went on; "
           f"RssAnon {rss} -> {end} kB, each behind two reloads that end it ({raw} before those), descriptors {fds[0]}+{fds[1]} -> "
           f"{after[0]}+{after[1]} (pipes behind the plus)")
    check(end < rss + 512, f"RssAnon {rss} -> {end} kB")
    check(after[1] <= 64, f"{after[1]} pipes are left")
    check(not any("[Error]" in line for line in b.lines(b.log)), str(b.lines(b.log)[-5:]))


def sample(b, seconds, every):
    samples, begin = [], time.monotonic()
    while (now := time.monotonic() - begin) < seconds:
        samples.append((now, b.rss()))
        time.sleep(every)
    return samples


def case_idle_and_churn(b):
    """Idle connections hold their memory, and what comes and goes beside them adds none."""
    seconds, warm = (300, 15) if FULL else (24, 6)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    n = min(10000, (limit - 600) // 2)
    tcp, udp = b.peer()
    b.start(b.config(log={"loglevel": "warning", "error": b.log, "access": "none"}, policy={"levels": {"0": {"connIdle": 3600}}},
                     inbounds=[{"tag": "in", "listen": "127.0.0.1", "port": b.port, "protocol": "socks", "settings": {"udp": True}}]))
    empty, empty_fds = b.rss(), b.settled_fds()
    held = b.hold("stream", tcp, n)
    b.quiet(n)
    full, full_fds = b.rss(), b.settled_fds()
    load = b.load(tcp, udp, (seconds + warm) * 1000, 12, 2, 6, 4)
    sample(b, warm, 1)
    samples = sample(b, seconds, 1)
    counts = b.result(load)
    b.no_faults(counts)
    b.quiet(n)
    check(b.ask_held(held) == (n, 0), "idle connections carry data at the end")
    b.settled_fds(full_fds[0])
    values = [v for _, v in samples]
    quarter = len(values) // 4
    begin, end = statistics.median(values[:quarter]), statistics.median(values[-quarter:])
    figure("idle and churn", f"{n} idle ({limit} descriptors are allowed): RssAnon {empty} -> {full} kB, {1024 * (full - empty) / n:.0f} "
           f"bytes each; {seconds} s of churn {counts}: first {values[0]}, median {statistics.median(values):.0f}, last {values[-1]} kB, "
           f"slope {slope(samples):.1f} kB a minute, descriptors {full_fds} -> {b.fds()}")
    check(end - begin <= 256, f"RssAnon grew from {begin} to {end} kB: {values}")
    b.let_go(held)
    b.quiet()
    b.settled_fds(empty_fds[0])


def case_udp_associations(b):
    """5,000 associations, twice: what the first have used serves the second, and idle paths end."""
    n = 5000
    _, udp = b.peer()
    b.start(b.config(log={"loglevel": "warning", "error": b.log, "access": "none"}, policy={"levels": {"0": {"connIdle": 2}}},
                     inbounds=[{"tag": "in", "listen": "127.0.0.1", "port": b.port, "protocol": "socks", "settings": {"udp": True}}]))
    empty, fds = b.rss(), b.settled_fds()
    peaks, idle, gone = [], [], []
    for _ in range(3):
        held = b.hold("associate", udp, n)
        peaks.append(b.rss())
        check(b.fds()[0] <= fds[0] + 3 * n, f"{b.fds()} descriptors")
        b.settled_fds(fds[0] + 2 * n)  # the paths have been idle; a connection and a socket for each association stay
        idle.append(b.rss())
        check(b.ask_held(held) == (n, 0), "associations whose path has ended make another")
        b.let_go(held)
        b.quiet()
        b.settled_fds(fds[0])
        gone.append(b.rss())
    figure("UDP associations", f"{n}: RssAnon {empty} kB empty; in use, idle, ended: {list(zip(peaks, idle, gone))} kB, "
           f"{1024 * (peaks[0] - empty) / n:.0f} bytes each; descriptors {fds} -> {b.fds()}")
    check(peaks[-1] < 1.1 * peaks[0] + 512, f"each round takes more: {peaks}")
    check(gone[-1] - empty < (peaks[0] - empty) / 4, f"what 5,000 associations took stays: {empty} -> {gone} kB")


def case_udp_table_bounded(b):
    """More clients than there may be paths: the oldest give way, and who is new is served."""
    limit, clients = 4096, 3000
    _, udp = b.peer()
    port = PORTS.one()
    b.start(b.config(log={"loglevel": "warning", "error": b.log, "access": "none"},
                     inbounds=[tunnel(port, tag="t", address="127.0.0.1", port=udp)]),
            preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    workers, before = b.stats()["workers"], b.settled_fds()
    sockets, answers = [], 0
    for i in range(clients):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(LIMIT)
        b.things.append(s)
        sockets.append(s)
        s.sendto(b"%d" % i, ("127.0.0.1", port))
        answers += s.recv(16) == b"%d" % i
    most = b.fds()[0] - before[0]
    for i, s in enumerate(sockets[::10]):  # those whose path has ended get another
        s.sendto(b"again %d" % i, ("127.0.0.1", port))
        answers += s.recv(16) == b"again %d" % i
    figure("UDP table", f"{clients} clients of one listener, {limit} descriptors: {most} paths at most {workers * (limit // 8)}, "
           f"{answers} answers, RssAnon {b.rss()} kB")
    check(most <= workers * (limit // 8), f"{most} paths")
    check(answers == clients + len(sockets[::10]), f"{answers} answers")
