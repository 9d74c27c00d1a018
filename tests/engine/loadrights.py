"""Privileges: what an engine under another user may still do, and what its parent does for it."""
import errno
import json
import os
import socket
import subprocess

import inject
from engbed import ENV, LIMIT, PORTS, SANITIZED, XRAT, Failed, Skip, check, echo, recv_exact
from loadbed import figure
from udp import ask_udp, serve


def low_port(kind=socket.SOCK_STREAM):
    for port in range(1023, 900, -1):
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Skip("a port below 1024 cannot be had")


def status_of(task):
    text = open(f"{task}/status", encoding="ascii").read()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def case_user_behind_a_low_port(b):
    """Bound as root, served as nobody: in every thread no uid, group or capability is left, and no new ones can be had."""
    if os.geteuid():
        raise Skip("user_behind_a_low_port: needs root")
    server, port = b.server(echo), low_port()
    for d in (b.dir, os.path.dirname(b.dir)):
        os.chmod(d, 0o755)
    b.start(b.config(log={"loglevel": "none"}, inbounds=[
        {"tag": "low", "listen": "127.0.0.1", "port": port, "protocol": "socks"},
        {"tag": "in", "listen": "127.0.0.1", "port": b.port, "protocol": "socks"}]), "--user", "nobody")
    tasks = [f"/proc/{b.process.pid}/task/{t}" for t in os.listdir(f"/proc/{b.process.pid}/task")]
    for s in map(status_of, tasks):
        check(s["Uid"].split() == ["65534"] * 4 and s["Gid"].split() == ["65534"] * 4 and s["Groups"].split() == ["65534"], str(s))
        check(all(int(s[f"Cap{c}"], 16) == 0 for c in ("Inh", "Prm", "Eff", "Amb")), str(s))
        check(s["NoNewPrivs"] == "1" and (SANITIZED or s["Seccomp"] == "2"), str(s))
    for address in (("127.0.0.1", port), None):
        s = b.socks(server.port, address=address)
        s.sendall(b"served")
        check(recv_exact(s, 6) == b"served", "bytes")
    figure("privileges", f"{len(tasks)} threads, all as nobody, without capabilities, filtered; port {port} is served")


def site_dat(names):
    """geosite.dat with one list, TEST, of whole names."""
    def field(number, data):
        return bytes([number << 3 | 2, len(data)]) + data
    domains = b"".join(field(2, b"\x08\x03" + field(2, n.encode())) for n in names)
    return field(1, field(1, b"TEST") + domains)


class Parent:
    """root, whose files an engine under --user cannot read."""

    def __init__(self, b):
        self.b, self.assets = b, f"{b.dir}/assets"
        os.mkdir(self.assets, 0o700)
        self.put_sites("first.test")
        for d in (b.dir, os.path.dirname(b.dir)):
            os.chmod(d, 0o755)
        self.env = {**ENV, "XRAY_LOCATION_ASSET": self.assets}

    def put_sites(self, *names):
        with open(f"{self.assets}/geosite.dat", "wb") as f:
            f.write(site_dat(names))

    def put(self, *more, **sections):
        b = self.b
        b.put(b.config(log={"loglevel": "none"}, inbounds=[{"tag": "in", "listen": "127.0.0.1", "port": b.port, "protocol": "socks"}, *more],
                       routing={"rules": [{"domain": ["geosite:test"], "outboundTag": "block"}]}, dns={
                           "hosts": {"first.test": "127.0.0.1", "second.test": "127.0.0.1"}},
                       outbounds=[{"tag": "direct", "protocol": "freedom", "settings": {"domainStrategy": "ForceIP"}},
                                  {"tag": "block", "protocol": "blackhole"}], **sections))
        os.chmod(b.file, 0o600)

    def reload(self, *words):
        return subprocess.run([XRAT, "engine", "reload", "--control", self.b.control, *words], env=self.env, capture_output=True,
                              text=True, timeout=LIMIT, check=False)

    def blocked(self, name, port):
        """Whether a name goes to the black hole."""
        s = self.b.client()
        s.sendall(b"\5\1\0\5\1\0\3" + bytes([len(name)]) + name.encode() + port.to_bytes(2, "big"))
        try:
            recv_exact(s, 12)
            s.sendall(b"?")
            return s.recv(1) != b"?"
        except (OSError, Failed):
            return True
        finally:
            s.close()


def case_reload_by_descriptors(b):
    """An engine that has become nobody gets its file, a .dat file, a port below 1024 and a Unix socket from root, over the control
    socket; without them the same reload is refused, and what is refused leaves nothing behind."""
    if os.geteuid():
        raise Skip("reload_by_descriptors: needs root")
    server, port, udp_port, path = b.server(echo), low_port(), low_port(socket.SOCK_DGRAM), f"{b.dir}/in.sock"
    p = Parent(b)
    low = {"tag": "low", "listen": "127.0.0.1", "port": port, "protocol": "socks"}
    low_udp = {"tag": "udp", "listen": "127.0.0.1", "port": udp_port, "protocol": "dokodemo-door",
               "settings": {"network": "udp", "address": "127.0.0.1", "port": serve(b).port}}
    unix = {"tag": "unix", "listen": path, "protocol": "socks"}
    p.put()
    text = open(b.file, encoding="utf-8").read()
    b.start(text, "--user", "nobody", env={"XRAY_LOCATION_ASSET": p.assets})
    old, fds = b.socks(server.port), b.settled_fds()
    check(p.blocked("first.test", server.port) and not p.blocked("second.test", server.port), "the first list of names")

    p.put(low, low_udp, unix)
    p.put_sites("second.test")
    r = p.reload()
    check(r.returncode == 1 and "Permission denied" in r.stderr, f"by its path alone: {r.returncode} {r.stderr}")
    r = p.reload("-c", b.file)
    check(r.returncode == 0 and "generation 2" in r.stdout, f"{r.returncode} {r.stdout} {r.stderr}")
    check(not p.blocked("first.test", server.port) and p.blocked("second.test", server.port), "the second list of names")
    workers = b.stats()["workers"]
    for address in (("127.0.0.1", port), path):
        for _ in range(8 * workers):
            s = b.socks(server.port, address=address)
            s.sendall(b"new")
            check(recv_exact(s, 3) == b"new", f"through {address}")
            s.close()
    for _ in range(8 * workers):
        check(ask_udp(udp_port, b"datagram") == b"datagram", "through the UDP port")
    b.settled_fds(fds[0] + 2 * workers + 1 + 8 * workers)  # the paths of the datagrams are still there

    fds = b.settled_fds()
    r = p.reload("-c", b.file)  # nothing is new: nothing is opened
    check(r.returncode == 0 and "generation 3" in r.stdout, f"{r.returncode} {r.stdout} {r.stderr}")
    taken = socket.create_server(("127.0.0.1", 0))
    b.things.append(taken)
    p.put(low, low_udp, unix, {**low, "tag": "taken", "port": taken.getsockname()[1]}, {**unix, "tag": "more", "listen": path + "2"})
    r = p.reload("-c", b.file)
    check(r.returncode == 3 and "'taken'" in r.stderr and "in use" in r.stderr, f"{r.returncode} {r.stderr}")
    check(not os.path.exists(path + "2") and os.path.exists(path), "a refused Unix socket is gone, an old one is not")
    b.put("{")
    r = p.reload("-c", b.file)
    check(r.returncode == 1 and "xray.json:1" in r.stderr, f"{r.returncode} {r.stderr}")
    check(b.stats()["generation"] == 3 and b.settled_fds() == fds, f"{fds} -> {b.fds()}")
    old.sendall(b"old")
    check(recv_exact(old, 3) == b"old", "a connection from before")
    figure("reload by descriptors", f"file, geosite.dat, TCP port {port}, UDP port {udp_port}, {workers} sockets each, and a Unix socket")


def send_given(b, names, fds):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(LIMIT)
        s.connect(b.control)
        socket.send_fds(s, [json.dumps({"command": "reload", "given": names}).encode() + b"\n"], fds)
        line = s.recv(65536)
    return json.loads(line) if line else None


def case_wrong_descriptors(b):
    """What is given wrongly is refused, closed, and harms nobody."""
    server = b.server(echo)
    b.start()
    fds, extra = b.settled_fds(), {"tag": "x", "listen": "127.0.0.1", "port": PORTS.one(), "protocol": "socks"}
    null, plain, stranger = os.open("/dev/null", os.O_RDONLY), socket.socket(), socket.create_server(("127.0.0.1", 0))
    config = b.config()
    config["inbounds"].append(extra)
    b.put(config)
    place = f"tcp:127.0.0.1:{extra['port']}"
    for names, given in ((["file"], []), ([], [null]), (["file", "file"], [null]), ([7], [null]), ("file", [null]), ({}, [null]),
                         (["file"], [null]), (["x" * 5000], [null]), ([place], [null]), ([place], [plain.fileno()]),
                         ([place], [stranger.fileno()]), (["file"] * 200, [null] * 200)):
        answer = send_given(b, names, given)
        check(answer and not answer["ok"] and answer["error"], f"{names!r:.60} with {len(given)}: {answer}")
    with socket.socket(socket.AF_UNIX) as s:  # descriptors without a line
        s.connect(b.control)
        socket.send_fds(s, [b"{"], [null] * 100)
        socket.send_fds(s, [b" "], [null] * 200)
    answer = send_given(b, ["nobody asks for this", "tcp:127.0.0.1:1"], [null, null])
    check(answer["ok"], f"what is of no use is let go: {answer}")
    check(b.settled_fds(fds[0] + b.stats()["workers"])[1] == fds[1], f"{fds} -> {b.fds()}")
    b.socks(server.port).close()
    b.socks(server.port, address=("127.0.0.1", extra["port"])).close()
    for thing in (plain, stranger):
        thing.close()
    os.close(null)


def case_forbidden_calls(b):
    """Every thread of the running engine is made to ask for what it may not have: refused (EPERM), and the engine goes on."""
    if SANITIZED or not inject.possible():
        raise Skip("forbidden_calls: needs x86-64 (test_eng_confine asks the filter alone)")
    server = b.server(echo)
    b.start()
    old = b.socks(server.port)
    threads = sorted(map(int, os.listdir(f"/proc/{b.process.pid}/task")))
    for t in threads:
        try:
            got = inject.ask(t)
        except PermissionError as e:
            raise Skip("forbidden_calls: no process may be traced here") from e
        check(set(got.values()) == {-errno.EPERM}, f"thread {t}: {got}")
    old.sendall(b"old")
    check(recv_exact(old, 3) == b"old", "an old connection")
    b.socks(server.port).close()
    check(b.ask("reload")["ok"], "a reload")
    figure("forbidden calls", f"{len(inject.CALLS)} in each of {len(threads)} threads: all refused")
