#!/usr/bin/env python3
"""The daemon's socket: every request in both dialects against the schema, what is refused and how, limits, strangers."""
import json
import os
import resource
import socket
import stat
import subprocess
import sys
import threading
import time

import jsonschema

from dbed import ENV, SCHEMA, SLOW, Daemon, Tally, pascal, receive, seconds_of, snake, until

OTHER_UID = 65534


def schema_of(name):
    return jsonschema.Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": SCHEMA["definitions"]})


# (PascalCase, snake_case, payload in either spelling, refusal codes that are fine too)
REQUESTS = (
    ("DaemonPing", "daemon_ping", ({}, {})),
    ("RuntimeStatus", "runtime_status", ({}, {})),
    ("RuntimeConnect", "runtime_connect", ({"config_id": 42}, {"config_id": 42})),
    ("RuntimeConnect", "runtime_connect", ({"config_ref": "ffff"}, {"config_ref": "ffff"})),
    ("RuntimeReplace", "runtime_replace", ({"trigger": "HealthCheckFailed", "candidate_id": None},
                                           {"trigger": "health_check_failed", "candidate_id": None})),
    ("RuntimeReplace", "runtime_replace", ({"trigger": "Manual", "candidate_id": 42}, {"trigger": "manual", "candidate_id": 42})),
    ("RuntimeDisconnect", "runtime_disconnect", ({}, {})),
    ("ProxyStart", "proxy_start", ({}, {})),
    ("ProxyStatus", "proxy_status", ({}, {})),
    ("ProxyStop", "proxy_stop", ({}, {})),
    ("ApplyRequest", "apply_request", ({"role": "Client"}, {"role": "client"})),
    ("ApplyStatus", "apply_status", ({}, {})),
)


def check_reply(t, what, reply, kind, dialect):
    numbers = {200: "ok", 400: "invalid_state", 404: "not_found", 409: None, 500: "internal_error"}
    suffix, refusal = (("Reply", "Refusal"), ("_reply", "refusal"))[dialect]
    name = kind + suffix if reply.get("ok") else refusal
    errors = [e.message for e in schema_of(name).iter_errors(reply)]
    t.expect(f"{what}: the reply is as {name} says", not errors, errors, reply)
    t.expect(f"{what}: its code is of the dialect", isinstance(reply["code"], (int, str)[dialect]) and
             (dialect or reply["code"] in numbers), reply)


def dialects(t, d):
    for big, small, payloads in REQUESTS:
        plain = pascal(big, payloads[0]), snake(small, **payloads[1])
        crossed = snake(big, **payloads[0]), pascal(small, payloads[1])
        replies = []
        for dialect, kind in enumerate((big, small)):
            errors = [e.message for e in schema_of(kind).iter_errors(plain[dialect])]
            t.expect(f"{kind}: the request is as the schema says", not errors, errors)
            for request in (plain[dialect], crossed[dialect]):
                reply = d.ask(request)
                check_reply(t, kind, reply, kind, dialect)
                replies.append(reply)
        t.expect(f"{big}: both shapes and dialects come to the same", len({(r["ok"], r.get("reason"), r["message"])
                                                                                for r in replies}) == 1, replies)


def refused(t, d):
    ping = b'{"protocol_version":1,"request":{"type":"DaemonPing"}}'
    rows = (
        ("bad JSON", b"nonsense\n", 400), ("an array", b"[1]\n", 400), ("blank", b"\n", 400), ("a NUL", b'{"a":"\0"}\n', 400),
        ("bad UTF-8", b'{"protocol_version":1,"request":{"type":"\xff"}}\n', 400),
        ("deep", b"[" * 5000 + b"\n", 400), ("a key twice", ping.replace(b"{", b'{"protocol_version":1,', 1) + b"\n", 400),
        ("another version", ping.replace(b"1,", b"2,") + b"\n", 400), ("unknown", ping.replace(b"Ping", b"Pong") + b"\n", 400),
        ("another version, snake", b'{"protocol_version":9,"request":{"type":"daemon_ping"}}\n', "invalid_state"),
        ("unknown, snake", b'{"protocol_version":1,"request":{"type":"daemon_pong"}}\n', "invalid_state"),
    )
    for what, line, code in rows:
        reply = json.loads(d.raw(line))
        t.expect(f"{what}: refused", reply["code"] == code and reply["reason"] == "protocol" and reply["ok"] is False and
                 reply["payload"] is None, reply)
        check_reply(t, what, reply, "", isinstance(code, str))
    told(t, "half a line, then the end", d.raw(ping[:20], end=True))
    t.expect("a whole one, ended by the end", json.loads(d.raw(ping, end=True))["code"] == 200)
    t.expect("a newline, and more behind it", json.loads(d.raw(ping + b"\n" + ping + b"\nxx"))["code"] == 200)
    t.expect("in pieces", json.loads(in_pieces(d, ping + b"\n"))["code"] == 200)
    with d.connect() as s:  # nothing at all
        s.shutdown(socket.SHUT_WR)
        told(t, "nothing: refused too", receive(s))


def told(t, what, got, code=400, reason="protocol"):
    """A refusal in the first dialect, as the schema says."""
    reply = json.loads(got or b"{}")
    check_reply(t, what, {"code": 0, **reply}, "", 0)
    t.expect(f"{what}: {code}, {reason}", reply.get("code") == code and reply.get("reason") == reason, got)


def in_pieces(d, line):
    with d.connect() as s:
        for i in range(0, len(line), 7):
            s.sendall(line[i:i + 7])
        return receive(s)


def sizes(t, d):
    ping = json.dumps(pascal("DaemonPing")).encode()
    fits = ping + b" " * (65536 - len(ping))
    t.expect("64 KiB fit", json.loads(d.raw(fits + b"\n"))["code"] == 200)
    told(t, "one byte more does not", d.raw(fits + b" \n"))
    told(t, "1 MiB in a line is refused with a word", d.raw(b"x" * (1 << 20) + b"\n"))
    took, got = seconds_of(lambda: d.raw(b"x" * (1 << 20)))
    told(t, "also when it never ends", got)
    t.expect("also when it never ends: soon", took < 4, took, got)


def slow(t, d):
    def wait(data):
        with d.connect(20) as s:
            s.sendall(data)
            return receive(s)

    took, got = seconds_of(lambda: wait(b'{"protocol_ver'))
    told(t, "half a line", got)
    t.expect("half a line: refused after 5 s", 4 < took < 8 * SLOW, took, got)
    took, got = seconds_of(lambda: wait(b""))
    told(t, "a silent one", got)
    t.expect("a silent one: refused after 5 s", 4 < took < 8 * SLOW, took, got)


def answered(s, fast=False):
    s.settimeout(0 if fast else 5)
    try:
        return s.recv(65536)
    except (BlockingIOError, TimeoutError):
        return None


def idle(t, d):
    before = d.fds()
    clients = [d.connect() for _ in range(200)]
    took, got = seconds_of(d.ping)
    t.expect("200 idle clients: ping answers", got and took < 1, took, got)
    held = d.fds() - before
    t.expect("their number is bounded", held <= 70, held)
    told(t, "the oldest was told and let go", answered(clients[0]), 409, "busy")
    t.expect("the newest is still heard", answered(clients[-1], True) is None)
    clients[-1].setblocking(True)
    clients[-1].sendall(json.dumps(pascal("DaemonPing")).encode() + b"\n")
    t.expect("and answered", json.loads(receive(clients[-1]))["code"] == 200)
    for s in clients:
        s.close()
    t.expect("nothing of them is left", until(10, lambda: d.fds() <= before), d.fds(), before)


def at_once(t, d):
    """1,000 questions of 20 at a time, with silent and half-spoken clients between them."""
    faults, worst = [], [0.0]
    noise = [d.connect() for _ in range(30)]
    for s in noise[::2]:
        s.sendall(b'{"half')

    def some():
        for _ in range(50):
            took, got = seconds_of(d.ping)
            worst[0] = max(worst[0], took)
            if not got:
                faults.append(got)

    threads = [threading.Thread(target=some) for _ in range(20)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    for s in noise:
        s.close()
    t.expect("1,000 pings, 20 at a time, beside noise: all answered", not faults, len(faults))
    print(f"1,000 pings, 20 at a time: the slowest took {worst[0] * 1000:.1f} ms")


def gone(t, d):
    """Clients that ask and do not stay."""
    before = d.fds()
    for _ in range(300):
        with d.connect() as s:
            try:
                s.sendall(json.dumps(snake("apply_request")).encode() + b"\n")
            except BrokenPipeError:
                pass  # too many
    t.expect("300 who did not wait: the daemon is unharmed", d.ping() and until(10, lambda: d.fds() <= before), d.fds(), before)


def strangers(t, d):
    modes = [stat.S_IMODE(os.stat(f"{d.root}/runtime{p}").st_mode) for p in ("", "/daemon.sock", "/daemon.lock")]
    t.expect("0700, and 0600 inside", modes == [0o700, 0o600, 0o600], [oct(m) for m in modes])
    if os.geteuid() != 0:
        t.skip("strangers: needs root, to become another user")
        return
    become = f"import socket,sys,os\nos.setgroups([])\nos.setgid({OTHER_UID})\nos.setuid({OTHER_UID})\n"
    say = (become + "s=socket.socket(socket.AF_UNIX)\ns.settimeout(5)\n"
           "try:\n s.connect(sys.argv[1])\n s.sendall(b'{\"protocol_version\":1,\"request\":{\"type\":\"DaemonPing\"}}\\n')\n"
           " print('got', s.recv(1000))\nexcept OSError as e: print('failed', type(e).__name__)\n")
    p = subprocess.run([sys.executable, "-c", say, f"{d.root}/runtime/daemon.sock"], capture_output=True, text=True,
                       check=False, env=ENV)
    t.expect("another user: the mode stops it", "PermissionError" in p.stdout, p.stdout, p.stderr)
    # A directory that somebody opened for it: then the kernel's word about the peer counts.
    os.chmod(f"{d.root}/runtime/daemon.sock", 0o666)
    fd = os.open(f"{d.root}/runtime", os.O_DIRECTORY)
    os.chmod(f"{d.root}/runtime", 0o711)
    for parent in (d.root, os.path.dirname(d.root)):
        os.chmod(parent, os.stat(parent).st_mode | 0o011)
    p = subprocess.run([sys.executable, "-c", say, f"/proc/self/fd/{fd}/daemon.sock"], capture_output=True, text=True,
                       check=False, env=ENV, pass_fds=(fd,))
    os.close(fd)
    os.chmod(f"{d.root}/runtime", 0o700)
    os.chmod(f"{d.root}/runtime/daemon.sock", 0o600)
    t.expect("another user with an open way: closed without a word", p.stdout.strip() in ("got b''", "failed ConnectionResetError",
                                                                                   "failed BrokenPipeError"), p.stdout, p.stderr)
    t.expect("the daemon is unharmed", d.ping())
    # A connection that its own user made and gave away is its own user's.
    with d.connect() as s:
        s.setblocking(True)
        script = become + "s=socket.socket(fileno=int(sys.argv[1]))\ns.sendall(sys.argv[2].encode()+b'\\n')\nprint(s.recv(1000))"
        p = subprocess.run([sys.executable, "-c", script, str(s.fileno()), json.dumps(pascal("DaemonPing"))],
                           capture_output=True, text=True, check=False, env=ENV, pass_fds=(s.fileno(),))
        t.expect("a connection that was given away", '"code":200' in p.stdout, p.stdout, p.stderr)


def few_descriptors(t, work):
    """A daemon without descriptors answers again as soon as it has some."""
    if subprocess.run(["which", "prlimit"], capture_output=True, check=False).returncode:
        t.skip("few descriptors: no prlimit")
        return
    d = Daemon(f"{work}/few")
    try:
        t.expect("few descriptors: up", d.up(wrap=("prlimit", "--nofile=56:56")), d.stderr())
        clients = [d.connect() for _ in range(100)]
        took, got = seconds_of(lambda: until(20, d.ping))
        t.expect("few descriptors, 100 idle clients: ping is answered", got and took < 10, took)
        for s in clients:
            s.close()
        took, got = seconds_of(lambda: until(20, d.ping))
        t.expect("afterwards too", got, took)
        without_one(t, d)
    finally:
        t.expect("few descriptors: it ends with 0", d.end() == 0, d.stderr())


def without_one(t, d):
    """Nobody can be taken, and nobody is there who could be sent away: it comes back by itself."""
    looks = []

    def rests():
        """The clients that were are closed."""
        looks.append(sorted(map(int, os.listdir(f"/proc/{d.proc.pid}/fd"))))
        return len(looks) > 30 and all(x == looks[-1] for x in looks[-30:])

    until(10, rests)
    free = min(set(range(len(looks[-1]) + 1)) - set(looks[-1]))
    before = resource.prlimit(d.proc.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(d.proc.pid, resource.RLIMIT_NOFILE, (free, before[1]))
    with d.connect(1) as s:
        s.sendall(json.dumps(snake("daemon_ping")).encode() + b"\n")
        t.expect("no descriptor: who comes waits", not receive(s))
        resource.prlimit(d.proc.pid, resource.RLIMIT_NOFILE, before)
        s.settimeout(10)
        t.expect("no descriptor: and is answered when there is one", b'"ok"' in receive(s), d.stderr())


def long_line_slow_reader(t, d):
    """Who asks and never reads holds nothing up."""
    s = d.connect()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    s.sendall(json.dumps(snake("apply_status")).encode() + b"\n")
    took, got = seconds_of(d.ping)
    t.expect("one who does not read: the others are answered", got and took < 1, took)
    s.close()


def main(t, work):
    d = Daemon(f"{work}/ipc")
    if not t.expect("the daemon is up", d.up(), d.stderr()):
        return
    try:
        talk(t, d)
    finally:
        code = d.end()
    few_descriptors(t, work)
    t.expect("it ends with 0", code == 0, d.stderr())
    t.expect("its log is clean", "error" not in d.stderr() and "warning" not in d.stderr(), d.stderr())


def talk(t, d):
    begin = time.monotonic()
    for fn in (dialects, refused, sizes, strangers, idle, at_once, gone, long_line_slow_reader, slow):
        fn(t, d)
    ping = d.ping()
    t.expect("one daemon all the time", ping and ping["pid"] == d.proc.pid and ping["uptime_seconds"] >= int(time.monotonic() - begin) - 1)
