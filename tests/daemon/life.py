#!/usr/bin/env python3
"""The daemon's life: starting, a second one, stale files, sudden ends, being replaced in place, reloading, systemd's words,
long roots, the pipeline inside it."""
import json
import os
import re
import signal
import socket
import subprocess
import threading

import bed
from dbed import ENV, SLOW, TOP, XRAT, Bed, Daemon, get, put, snake, until

UUID4 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


def commands(t, work):
    d = Daemon(f"{work}/commands")
    code, out, err = d.xrat("daemon", "status")
    t.expect("no daemon: exit 6 and the hint", code == 6 and not out and err == f"Error: daemon socket not reachable at "
             f"{d.root}/runtime/daemon.sock\nHint: start the daemon with 'xrat daemon start'\n", code, out, err)
    for words in (["connect", "7"], ["disconnect"], ["proxy", "status"], ["rotate", "now"], ["daemon", "stop"]):
        code, out, err = d.xrat(*words)
        t.expect(f"no daemon: {words}", code == 6 and "Hint:" in err, code, out, err)
    code, out, err = d.xrat("--format", "json", "disconnect")
    t.expect("no daemon, JSON", code == 6 and json.loads(err)["error"]["code"] == "daemon_unreachable" and
             "daemon start" in json.loads(err)["error"]["hint"], err)
    code, out, err = d.xrat("daemon", "start")
    m = re.match(r"Daemon started \(pid: (\d+)\)\n$", out)
    if not t.expect("start", code == 0 and m and not err, code, out, err):
        return
    pid = int(m[1])
    ping = d.ping()
    t.expect("ping", ping["pid"] == pid and UUID4.match(ping["instance_id"]) and ping["daemon_ready"] is True, ping)
    stat = (get(f"/proc/{pid}/stat") or b"").rpartition(b")")[2].split()
    t.expect("it leads a session of its own, without a terminal", int(stat[3]) == pid and stat[4] == b"0", stat[:6])
    t.expect("its log", "is ready" in (get(f"{d.root}/logs/daemon.log") or b"").decode())
    t.expect("its descriptors are nobody else's", os.readlink(f"/proc/{pid}/fd/1") == "/dev/null")
    code, out, err = d.xrat("daemon", "status", "--format", "json")
    got = json.loads(out)["result"]
    t.expect("status", code == 0 and got["reachable"] and got["protocol_version"] == 1 and got["pid"] == pid, out)
    for words in (["daemon", "start"], ["watch"], ["daemon", "run-server"]):
        code, out, err = d.xrat(*words)
        t.expect(f"a second one: {words}", code == 4 and f"process {pid} " in err, code, out, err)
    t.expect("the first one did not notice", d.ping()["instance_id"] == ping["instance_id"])
    code, out, err = d.xrat("status")
    t.expect("status of sessions alone", code == 0 and "session" in out and str(pid) in out, out, err)
    code, out, err = d.xrat("--format", "json", "status")
    got = json.loads(out)["result"]
    t.expect("the same as JSON", got["roles"] == [] and got["daemon"]["pid"] == pid and got["session"]["runtime_status"] == "none", out)
    code, out, err = d.xrat("disconnect")
    t.expect("nothing to disconnect: exit 7", code == 7, code, err)
    code, out, err = d.xrat("daemon", "restart")
    t.expect("restart", code == 0 and out == f"Daemon restarted (pid: {pid})\n", code, out, err)
    t.expect("another run in the same process", d.ping()["instance_id"] != ping["instance_id"] and d.ping()["pid"] == pid)
    code, out, err = d.xrat("daemon", "stop")
    t.expect("stop", code == 0 and out.startswith("Daemon stopped"), code, out, err)
    t.expect("nothing is left", not os.path.exists(f"{d.root}/runtime/daemon.sock") and
             b") Z" in (get(f"/proc/{pid}/stat") or b") Z"))
    code, _, err = d.xrat("status")
    t.expect("status of a root that had a daemon: exit 6", code == 6, code, err)
    for words, what in ((["daemon", "dance"], "allowed are start"), (["proxy", "x"], "allowed are"), (["connect"], "needs")):
        code, out, err = d.xrat(*words)
        t.expect(f"usage: {words}", code == 2 and what in err, code, err)


def refused_starts(t, work):
    d = Daemon(f"{work}/refused")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", d.port))
        s.listen()
        code, out, err = d.xrat("daemon", "start")
        t.expect("a port is taken", code == 3 and f"port {d.port}" in err and f"pid {os.getpid()}" in err, code, out, err)
    put(f"{d.root}/config.toml", "[runtime.socks]\nport = 99999\n")
    code, out, err = d.xrat("daemon", "start")
    t.expect("config.toml has errors: exit 1 with the place", code == 1 and "config.toml:2:" in err, code, out, err)
    code, out, err = d.xrat("--format", "json", "daemon", "start")
    t.expect("the same as JSON", code == 1 and json.loads(err)["error"]["diagnostics"], err)
    code, out, err = d.xrat("daemon", "run-server")
    t.expect("run-server says it too", code == 1 and "config.toml:2:" in err, code, err)
    os.makedirs(f"{d.root}/xrat.db")
    put(f"{d.root}/config.toml", f"[runtime.socks]\nport = {d.port}\n")
    code, out, err = d.xrat("daemon", "start")
    t.expect("it ends at once: its exit code and words", code == 3 and "ended at once" in err and "xrat.db" in err, code, out, err)
    t.expect("nobody is left", d.ping() is None)


def races(t, work):
    """Two starts at the same time: one daemon."""
    d = Daemon(f"{work}/races")
    for i in range(5):
        both = [subprocess.Popen([XRAT, "--root", d.root, "daemon", "start"], env=ENV, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        says = [p.communicate(timeout=60) for p in both]
        codes = sorted(p.returncode for p in both)
        t.expect(f"two starts, {i}: one wins, one is busy", codes == [0, 4], codes, says)
        code, _, err = d.xrat("daemon", "stop")
        t.expect(f"two starts, {i}: stop", code == 0, code, err)


def sudden_ends(t, work):
    d = Daemon(f"{work}/sudden")
    for i in range(3):
        t.expect(f"start {i}", d.up(), d.stderr())
        d.proc.kill()
        d.proc.wait()
        t.expect(f"after kill -9, {i}: files are left, nobody answers", os.path.exists(f"{d.root}/runtime/daemon.sock") and
                 d.ping() is None)
    put(f"{d.root}/runtime/daemon.lock", "1\n")
    t.expect("a lock file of a stranger's pid", d.up(), d.stderr())
    t.expect("SIGTERM: 0", d.end() == 0, d.stderr())
    os.unlink(f"{d.root}/runtime/daemon.lock")
    put(f"{d.root}/runtime/daemon.sock", "not a socket")
    os.chmod(f"{d.root}/runtime", 0o777)
    t.expect("something else in the socket's place, and a careless mode", d.up() and
             os.stat(f"{d.root}/runtime").st_mode & 0o777 == 0o700, d.stderr())
    t.expect("SIGTERM: 0 again", d.end() == 0, d.stderr())


class Pinger:
    """Asks without a pause; counts who was refused."""

    def __init__(self, d):
        self.d, self.ok, self.faults, self.seen, self.on = d, 0, [], set(), True
        self.threads = [threading.Thread(target=self.loop, daemon=True) for _ in range(4)]
        for x in self.threads:
            x.start()

    def loop(self):
        while self.on:
            try:
                self.seen.add(self.d.ask(snake("daemon_ping"))["payload"]["instance_id"])
                self.ok += 1
            except (OSError, ValueError, TypeError) as e:
                self.faults.append(repr(e))

    def end(self):
        self.on = False
        for x in self.threads:
            x.join()


def replaced(t, work):
    d = Daemon(f"{work}/replaced")
    t.expect("replaced: up", d.up(), d.stderr())
    half = d.connect(30)
    half.sendall(json.dumps(snake("daemon_ping")).encode()[:25])
    fds, pinger = d.fds(), Pinger(d)
    for i in range(20):
        before = d.ping()["instance_id"]
        d.proc.send_signal(signal.SIGUSR2)
        t.expect(f"replaced {i}", until(10, lambda b=before: d.ping()["instance_id"] != b), d.stderr())
        if i == int(2 / SLOW):  # its request began three runs ago; it has 5 s
            half.sendall(json.dumps(snake("daemon_ping")).encode()[25:] + b"\n")
            t.expect("a request that began before is answered by the successor", b'"ok":true' in half.recv(65536))
            half.close()
    pinger.end()
    print(f"20 successors: {pinger.ok} pings answered, {len(pinger.faults)} not, {len(pinger.seen)} runs seen")
    t.expect("no ping failed", not pinger.faults and pinger.ok > 100, pinger.faults[:3], pinger.ok)
    t.expect("same process, no descriptor too many", d.ping()["pid"] == d.proc.pid and until(10, lambda: d.fds() <= fds), d.fds(), fds)
    code, _, err = d.xrat("daemon", "run-server")
    t.expect("the lock was held all the time", code == 4, code, err)
    put(f"{d.root}/config.toml", "[runtime.socks]\nport = 0\n")
    before = d.ping()["instance_id"]
    code, _, err = d.xrat("daemon", "restart")
    t.expect("a broken config.toml: not replaced, exit 1", code == 1 and "config.toml" in err and d.ping()["instance_id"] == before, code, err)
    d.proc.send_signal(signal.SIGHUP)
    t.expect("reload of a broken one: it goes on", until(10, lambda: "is not taken over" in d.stderr()) and d.ping(), d.stderr())
    put(f"{d.root}/config.toml", f"[runtime.socks]\nport = {d.port}\n")
    d.proc.send_signal(signal.SIGHUP)
    t.expect("reload of a good one", until(10, lambda: "was read again" in d.stderr()), d.stderr())
    t.expect("SIGINT ends it too", (d.proc.send_signal(signal.SIGINT), d.proc.wait(20))[1] == 0)


def long_root(t, work):
    d = Daemon(f"{work}/" + "/".join(["long" * 20] * 3))
    t.expect("a root of over 108 bytes", len(d.root) > 200 and d.up(), d.stderr())
    code, out, err = d.xrat("daemon", "status")
    t.expect("a root of over 108 bytes: client", code == 0, code, out, err)
    d.proc.send_signal(signal.SIGUSR2)
    before = d.ping()["instance_id"]
    t.expect("a root of over 108 bytes: replaced", until(10, lambda: d.ping()["instance_id"] != before or "ready" in d.stderr()))
    link = f"{work}/short"
    os.symlink(d.root, link)
    code, out, err = d.xrat("--root", link, "daemon", "stop")
    t.expect("by another name", code == 0, code, err)
    d.proc.wait(20)


def systemd_words(t, work):
    d = Daemon(f"{work}/notify")
    path = f"{work}/n.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10)

        def next_word(*wanted):
            while True:
                line = s.recv(1000).decode().split("\n")
                if line[0] in wanted:
                    return line

        d.run(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"})
        t.expect("READY=1", next_word("READY=1"))
        t.expect("WATCHDOG=1", next_word("WATCHDOG=1"))
        d.proc.send_signal(signal.SIGUSR2)
        t.expect("replaced: RELOADING=1 with its time", next_word("RELOADING=1")[1].startswith("MONOTONIC_USEC="))
        t.expect("then READY=1", next_word("READY=1"))
        d.proc.send_signal(signal.SIGHUP)
        t.expect("reload: both", next_word("RELOADING=1") and next_word("READY=1"))
        d.proc.send_signal(signal.SIGTERM)
        t.expect("STOPPING=1", next_word("STOPPING=1"))
    t.expect("and 0", d.proc.wait(20) == 0, d.stderr())


def logs(t, work):
    d = Daemon(f"{work}/logs")
    log = f"{work}/some.log"
    d.run("--format", "json")
    t.expect("json log", until(10, d.ping))
    d.end()
    lines = [json.loads(x) for x in d.stderr().splitlines()]
    t.expect("each line is one", lines and all(x["level"] in ("note", "warning", "error") and x["message"] for x in lines), lines)
    code, out, err = d.xrat("daemon", "start", "--log-file", log)
    t.expect("--log-file", code == 0 and b"is ready" in (get(log) or b"") and os.stat(log).st_mode & 0o777 == 0o600, code, out, err)
    d.xrat("daemon", "stop")
    quiet = f"{work}/quiet.log"
    code, out, err = d.xrat("daemon", "start", "--log-file", quiet, env={"XRAT_LOG": "error"})
    t.expect("XRAT_LOG=error", code == 0 and not get(quiet), get(quiet), err)
    d.xrat("daemon", "stop")
    levels = (({"XRAT_LOG": "debug"}, (), 1), ({}, ("-v",), 1), ({"XRAT_LOG": "trace"}, (), 2), ({"XRAT_LOG": "error"}, ("-vv",), 2),
              ({"XRAT_LOG": "debug"}, ("-q",), -1), ({"XRAT_LOG": "info"}, (), 0), ({"XRAT_LOG": "loud"}, (), 0))
    for i, (env, words, depth) in enumerate(levels):
        log = f"{work}/level-{i}.log"
        d.xrat(*words, "daemon", "start", "--log-file", log, env=env)
        d.ask(snake("proxy_stop"))
        d.xrat("daemon", "stop")
        said = (get(log) or b"").decode()
        seen = [w in said for w in ("is ready", "ipc: debug: request proxy_stop", "ipc: trace: request daemon_ping")]
        t.expect(f"level {env} {words}", seen == [depth >= 0, depth >= 1, depth >= 2] and
                 ("names no level" in said) == (env.get("XRAT_LOG") == "loud"), said)


class PipelineBed(Bed):
    """The bed of the service's tests, with a daemon in the place of `watch`."""

    def start(self, *words, env=None, wrap=()):
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen([*wrap, XRAT, "--root", self.root, *words, "daemon", "run-server"],
                                         env={**ENV, **(env or {})}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self.proc.pid


def pipeline(t, work):
    b = PipelineBed(f"{work}/pipeline")
    d = Daemon.__new__(Daemon)
    d.root = b.root
    t.expect("pipeline: generation 1 is proved", b.good(), b.stderr())
    b.snippet(tags=["two"])
    t.expect("pipeline: an edit arrives", b.proved(2), b.stderr())
    roles = d.ask(snake("apply_status"))["payload"]["roles"]
    t.expect("ApplyStatus", [r["role"] for r in roles] == ["client"] and roles[0]["live"]["generation"] == 2, roles)
    code, out, err = b.xrat("status")
    t.expect("status tells both", code == 0 and "generation 2" in out and "session" in out and "daemon" in out, out, err)
    b.machine(settle=60000, more="max_wait_ms = 600000\n")
    b.signal(signal.SIGHUP)  # the longer settle time has to count before the edit, or the edit goes its own way
    until(10, lambda: b.xrat("apply", "--wait=5")[0] == 0)
    b.snippet(tags=["three"])
    reply = d.ask(snake("apply_request"))
    ids = [r["request_id"] for r in reply["payload"]["requests"]]
    t.expect("ApplyRequest: queued and applied", len(ids) == 1 and b.proved(3), reply, b.stderr())
    t.expect("ApplyRequest: its id is in meta.json",
             bed.get_json(f"{b.root}/.state/live/config-client/meta.json").get("request_id") == ids[0], ids)
    reply = d.ask(snake("apply_request", role="server"))
    t.expect("ApplyRequest of a role without a file", reply["code"] == "not_found", reply)
    engine = b.engines()
    before = d.ping()["instance_id"]
    b.signal(signal.SIGUSR2)
    t.expect("replaced", until(10, lambda: d.ping()["instance_id"] != before), b.stderr())
    t.expect("replaced: the engine is the same and answers", b.serving(3) and b.engines() == engine, engine, b.engines(), b.stderr())
    b.kill()
    t.expect("kill -9: the engine goes on", b.engines() == engine and bed.answers(b.port))
    b.start()
    t.expect("kill -9: taken over", until(10, d.ping) and b.serving(3) and b.engines() == engine, b.engines(), b.stderr())
    code, out, err = b.xrat("daemon", "start")
    t.expect("its own engine's port is no hindrance to a start that is refused for the lock alone", code == 4, code, err)
    code, out, err = b.xrat("daemon", "stop")
    t.expect("stop ends the engine", code == 0 and not b.engines() and b.proc.wait(20) == 0, code, err, b.engines())
    b.machine(settle=0, more=f"[runtime.socks]\nport = {b.port}\n")
    b.start()
    t.expect("again", until(10, d.ping) and b.serving(3), b.stderr())
    engine = b.engines()
    b.kill()
    code, out, err = b.xrat("daemon", "start")
    t.expect("the port of an engine that was left is no hindrance", code == 0 and b.serving(3) and b.engines() == engine, code, out, err)
    code, out, err = b.xrat("daemon", "stop")
    t.expect("stop of the one that took it over", code == 0 and not b.engines(), code, err, b.engines())
    b.end()


def units(t, work):
    home = f"{work}/home"
    d = Daemon(f"{work}/units")
    env = {"HOME": home, "XDG_CONFIG_HOME": f"{home}/.config", "PATH": "/nonexistent"}
    unit = f"{home}/.config/systemd/user/xrat-daemon.service"
    code, out, err = d.xrat("daemon", "install", "--user", "--dry-run", env=env)
    t.expect("install --dry-run prints it", code == 0 and f"--root {d.root} daemon run-server" in out and "@" not in
             out.replace("@system-service", "") and not os.path.exists(unit), code, out, err)
    code, out, err = d.xrat("daemon", "install", "--user", env=env)
    t.expect("install", code == 0 and os.path.exists(unit) and "systemctl" in err, code, out, err)
    text = (get(unit) or b"").decode()
    program = re.search(r"^ExecStart=(\S+) ", text, re.M)
    t.expect("its program is this one", program and os.path.samefile(program[1], XRAT), text)
    for line in ("Type=notify", "KillMode=process", "ExecReload=/bin/kill -USR2 $MAINPID", "WatchdogSec=30"):
        t.expect(f"unit: {line}", line in text.splitlines(), text)
    code, out, err = d.xrat("daemon", "install", "--system", "--dry-run", env=env)
    t.expect("the system's", code == 0 and "ProtectSystem=strict" in out and f"ReadWritePaths={d.root}" in out and
             "ConfigurationDirectory" not in out, out, err)
    code, out, err = d.xrat("daemon", "uninstall", "--user", env=env)
    t.expect("uninstall", code == 0 and not os.path.exists(unit), code, out, err)
    code, out, err = d.xrat("daemon", "uninstall", "--user", env=env)
    t.expect("uninstall again: exit 7", code == 7, code, err)
    verify = subprocess.run(["which", "systemd-analyze"], capture_output=True, check=False)
    if verify.returncode:
        t.skip("units: no systemd-analyze")
        return
    for kind in ("system", "user"):
        with open(f"{TOP}/templates/systemd/{kind}/xrat-daemon.service", encoding="utf-8") as f:
            put(f"{work}/xrat-daemon.service", f.read().replace("@BINDIR@", os.path.dirname(XRAT)).replace("@ROOT@", "/etc/xrat"))
        p = subprocess.run(["systemd-analyze", "verify", f"--{kind}", f"{work}/xrat-daemon.service"], capture_output=True, text=True,
                           check=False)
        said = [x for x in p.stderr.splitlines() if "xrat-daemon.service" in x and "man:" not in x and "man " not in x]
        t.expect(f"systemd-analyze verify, {kind}", not said, p.stderr)


CASES = (commands, refused_starts, races, sudden_ends, replaced, long_root, systemd_words, logs, pipeline, units)
