"""Ends and beginnings under load, logs that cannot be written."""
import errno
import fcntl
import os
import re
import signal
import socket
import subprocess
import threading
import time

from engbed import ENGINE, ENV, LIMIT, check, echo, recv_exact, until
from loadbed import figure

QUIETLY = {"loglevel": "warning", "access": "none"}


def quiet_log(b):
    return {**QUIETLY, "error": b.log}


def with_udp(b, **more):
    return b.config(log=quiet_log(b), inbounds=[{"tag": "in", "listen": "127.0.0.1", "port": b.port, "protocol": "socks",
                                                 "settings": {"udp": True}}], **more)


def refused(b):
    try:
        b.client().close()
        return False
    except (ConnectionRefusedError, ConnectionResetError):
        return True


# --- SIGTERM ---
def case_drain_under_load(b):
    """New connections are refused at once, open ones go on to their end, and the end comes with the last of them."""
    tcp, udp = b.peer()
    b.start(with_udp(b))
    held = b.socks(tcp)
    load = b.load(tcp, udp, 60000, 40, 8, 8)
    until(lambda: b.stats()["flows"] > 30, "the load")
    begin = time.monotonic()
    b.process.send_signal(signal.SIGTERM)
    until(lambda: refused(b), "new connections to be refused")
    closed = time.monotonic() - begin
    until(lambda: held.send(b"x") and held.recv(1), "bytes while it drains")
    code = b.process.wait(LIMIT)
    took = time.monotonic() - begin
    load.kill()
    load.wait()
    check(code == 0, f"exit {code}: {b.said()}")
    check(2.5 < took < 15, f"{took:.1f} s from the signal to the end")
    check(not os.path.exists(b.control), "the control socket is gone")
    figure("drain under load", f"refused after {1000 * closed:.0f} ms, the end after {took:.2f} s, exit {code}")


def case_second_signal_under_load(b):
    tcp, udp = b.peer()
    b.start(with_udp(b))
    load = b.load(tcp, udp, 60000, 40, 8, 8)
    until(lambda: b.stats()["flows"] > 30, "the load")
    begin = time.monotonic()
    b.process.send_signal(signal.SIGTERM)
    until(lambda: refused(b), "the drain")
    b.process.send_signal(signal.SIGTERM)
    code = b.process.wait(LIMIT)
    took = time.monotonic() - begin
    load.kill()
    load.wait()
    check(code == 0 and took < 2.5, f"exit {code} after {took:.1f} s")


def case_reload_then_term(b):
    """Signals in any order, with traffic: it ends, and with 0."""
    server = b.server(echo)
    for i in range(10):
        b.process = None
        b.start(with_udp(b))
        b.socks(server.port).sendall(b"x")
        for s in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            b.process.send_signal(s)
        code = b.process.wait(LIMIT)
        check(code == 0, f"exit {code} in round {i}: {b.said()}")


# --- kill -9, and a second copy ---
def case_killed_and_started_again(b):
    """On the same ports and paths, with connections of the dead one still around."""
    server, path = b.server(echo), f"{b.dir}/in.sock"
    config = with_udp(b)
    config["inbounds"].append({"tag": "unix", "listen": path, "protocol": "socks"})
    took = []
    for i in range(10):
        b.process = None
        b.start(config)
        for address in (None, path):
            for _ in range(10):
                s = b.socks(server.port, address=address)
                s.sendall(b"alive")
                check(recv_exact(s, 5) == b"alive", f"round {i}")
        b.process.kill()
        b.process.wait()
        check(os.path.exists(path) and os.path.exists(b.control), "what the dead one left")
        begin = time.monotonic()
        b.process = None
        b.start(config)
        took.append(time.monotonic() - begin)
        b.socks(server.port).close()
        b.socks(server.port, address=path).close()
        b.stop()
        check(not os.path.exists(path) and not os.path.exists(b.control), "paths are gone at the end")
    b.process = None
    figure("killed and started again", f"10 times, on the same ports and paths; serving again after {max(took):.2f} s at most")


def case_second_copy(b):
    """A second engine on a port, a Unix socket or a control socket of the first: refused, with what is wrong; nothing of the first is
    touched."""
    server, path, other = b.server(echo), f"{b.dir}/in.sock", f"{b.dir}/other"
    mine = [{"tag": "tcp", "listen": "127.0.0.1", "port": b.port, "protocol": "socks", "settings": {"udp": True}},
            {"tag": "unix", "listen": path, "protocol": "socks"}]
    b.start(b.config(log=quiet_log(b), inbounds=mine))
    inodes = [os.stat(p).st_ino for p in (path, b.control)]
    old = b.socks(server.port)
    unused = {**mine[0], "port": 0}
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        unused["port"] = s.getsockname()[1]
    for inbounds, control, words in (([mine[0]], other, [f"127.0.0.1:{b.port}", "'tcp'", "in use"]),
                                     ([mine[1]], other, [path, "'unix'", "in use"]),
                                     ([unused], b.control, [b.control, "control socket", "in use"])):
        b.put(b.config(log=quiet_log(b), inbounds=inbounds))
        p = subprocess.run([ENGINE, "run", "-c", b.file, "--control", control], env=ENV, capture_output=True, text=True,
                           timeout=LIMIT, check=False)
        check(p.returncode == 3 and all(w in p.stderr for w in words), f"exit {p.returncode}: {p.stderr}")
        check(not os.path.exists(other), "its control socket is gone")
        check([os.stat(p).st_ino for p in (path, b.control)] == inodes, f"a path of the first was touched: {words}")
        for address in (None, path):
            b.socks(server.port, address=address).close()
        check(b.ask("status")["ok"], "the first one's control socket")
    old.sendall(b"old")
    check(recv_exact(old, 3) == b"old", "an old connection")


# --- logs that nobody takes ---
def full_pipe():
    r, w = os.pipe()
    fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(w, False)
    try:
        while True:
            os.write(w, b"." * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(w, True)
    return r, w


def full_socket():
    r, w = socket.socketpair()
    w.setblocking(False)
    try:
        while True:
            w.send(b"." * 4096)
    except BlockingIOError:
        pass
    w.setblocking(True)
    return r.detach(), w.detach()


def drained(fd, since=b""):
    os.set_blocking(fd, False)
    try:
        while more := os.read(fd, 65536):
            since += more
    except OSError as e:
        if e.errno != errno.EAGAIN:
            raise
    return since


def goes_on(b, what, out):
    server = b.server(echo)
    b.start(b.config(log={"loglevel": "debug"}), outputs=(out[1], out[1]))

    def one(i):
        s = b.socks(server.port)
        s.sendall(b"%5d" % i)
        check(recv_exact(s, 5) == b"%5d" % i, f"a connection with {what}")
        s.close()
    for i in range(300):
        one(i)
    check(b.ask("reload")["ok"], f"a reload with {what}")
    one(300)
    b.quiet()
    check(os.get_blocking(out[1]), "what others write to was changed")
    drained(out[0])
    said = b""

    def tells():
        nonlocal said
        one(301)
        said = drained(out[0], said)
        return re.search(rb"\[Warning\] \d+ lines before this one were lost", said)
    lost = until(tells, "lines when there is room again")
    figure(what, f"301 connections and a reload; then: '{lost[0].decode()}'")
    b.stop()


def case_full_pipe(b):
    out = full_pipe()
    try:
        goes_on(b, "a full pipe", out)
    finally:
        for fd in out:
            os.close(fd)


def case_full_socket(b):
    """As journald would be."""
    out = full_socket()
    try:
        goes_on(b, "a full socket", out)
    finally:
        for fd in out:
            os.close(fd)


def case_closed_pipe(b):
    """Whoever read the log is gone: no SIGPIPE, no end."""
    server, (r, w) = b.server(echo), os.pipe()
    b.start(b.config(log={"loglevel": "debug"}), outputs=(w, w))
    os.close(w)
    os.close(r)
    for _ in range(50):
        b.socks(server.port).close()
    check(b.ask("reload")["ok"], "a reload")
    b.stop()


def case_pipe_without_reader(b):
    """A named pipe as the log: refused when nobody reads it, instead of waiting for somebody."""
    path = f"{b.dir}/fifo"
    os.mkfifo(path)
    b.start(b.config(log=quiet_log(b)))
    answer = b.reload(b.config(log={"loglevel": "debug", "error": path, "access": "none"}), ok=False)
    check(path in answer["error"], str(answer))
    b.socks(b.server(echo).port)


def case_rotation_under_load(b):
    """Renamed and told so, 20 times: every connection has its line, in one file or another, and each line is whole."""
    server, rounds, stop, opened = b.server(echo), 20, threading.Event(), []

    def connect():
        while not stop.is_set():
            s = b.socks(server.port)
            opened.append(s.getsockname()[1])
            s.close()
    b.start(env=b.listen_notify())
    b.told()
    threads = [threading.Thread(target=connect) for _ in range(3)]
    for t in threads:
        t.start()
    try:
        for i in range(rounds):
            n = len(opened)
            until(lambda n=n: len(opened) > n + 20, "connections")
            os.rename(b.access, f"{b.access}.{i}")
            os.rename(b.log, f"{b.log}.{i}")
            b.process.send_signal(signal.SIGHUP)
            while b.told() != {"READY": "1"}:
                pass
            until(lambda: os.path.exists(b.access) and b.lines(b.access), "lines in the new file")
    finally:
        stop.set()
        for t in threads:
            t.join()
    b.quiet()
    files = [b.access, *(f"{b.access}.{i}" for i in range(rounds))]
    lines = [line for f in files for line in b.lines(f)]
    check(len(lines) == len(opened), f"{len(lines)} lines for {len(opened)} connections")
    whole = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} from tcp:127\.0\.0\.1:\d+ accepted tcp:\S+ \[in >> direct\] id: \d+$")
    check(all(whole.match(line) for line in lines), str([line for line in lines if not whole.match(line)][:3]))
    figure("rotation", f"{rounds} times under load: {len(opened)} connections, {len(lines)} lines in {len(files)} files")
