#!/usr/bin/env python3
"""cases.py SUP_DRIVE FAKE_ENGINE SCRATCH [NAME...]: what the supervisor does with every kind of engine.
Each case checks the sequence of states, the reasons and that no process is left."""
import concurrent.futures
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import traceback

from harness import LIMIT, Case, Failed, alive, until

FIGURES = []


class Skip(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


def has(text, *parts):
    for part in parts:
        check(part in text, f"'{part}' is not in '{text}'")


def zombies(parent):
    """Children that were not reaped."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] == "Z":
            found.append(int(pid))
    return found


def running(c, *fake, words="proved", driver=None, **times):
    d = driver or c.driver(**times)
    c.run(d, *fake, words=words)
    d.state("starting", "running")
    return d, d.view()["pid"]


def stop(c, d, outcome="Terminated"):
    d.tell("stop")
    check(d.seek("stopped")["reason"] == outcome, f"outcome is not {outcome}: {d.summary()}")
    check(d.view()["state"] == "stopped" and d.view()["pid"] == 0, "not stopped")
    check(not c.left(), f"left: {c.left()}")
    check(not zombies(d.pid), f"zombies: {zombies(d.pid)}")


# --- good order ---
def case_ready_and_stop(c):
    r, w = os.pipe()
    os.set_inheritable(w, True)
    c.leaky = (w,)
    d = c.driver()
    c.run(d, "env", words="prove=300", settings={"note": "env:XRAT_TEST_NAMED"})
    d.state("starting")
    d.state("running")
    proved = d.kind("proved")
    check(proved["ms"] >= 300, "proved too early")
    v = d.view()
    check(v["ownership_proved"] and v["starts"] == 1, f"view: {v}")
    proc = f"/proc/{v['pid']}"
    fds = {fd: os.readlink(f"{proc}/fd/{fd}") for fd in os.listdir(f"{proc}/fd")}
    ours = {fd: to for fd, to in fds.items() if not to.startswith(("socket:", "anon_inode:[signalfd"))}
    check(sorted(ours) == ["0", "1", "2"] and ours["0"] == "/dev/null", f"descriptors: {fds}")
    check(len([t for t in fds.values() if t.startswith("socket:")]) == 1, f"a socket that is not its own: {fds}")
    check(ours["1"] == c.log("out") and ours["2"] == c.log("err"), f"output goes to {ours}")
    check(os.readlink(f"{proc}/cwd") == c.dir, "working directory")
    fields = open(f"{proc}/stat").read().rsplit(")", 1)[1].split()
    check(int(fields[3]) == v["pid"] and fields[4] == "0", "not the leader of a session without a terminal")
    ignored = re.search(r"SigIgn:\t(\w+)", open(f"{proc}/status").read())[1]
    check(int(ignored, 16) & 0x7FFFFFFF == 0, f"signals are ignored: {ignored}")  # glibc leaves its own two
    env = open(f"{proc}/environ").read()
    has(env, "PATH=", "XRAT_TEST_NAMED=named", f"XRAT_ENGINE=client@{c.dir}")
    check("change-me" not in env and "CONFDIR" not in env and "NOTIFY_SOCKET" not in env, "environment: " + env)
    for path, mode in ((c.logs, 0o700), (c.log("out"), 0o600), (c.log("err"), 0o600)):
        check(stat.S_IMODE(os.stat(path).st_mode) == mode, f"mode of {path}")
    d.tell("stop")
    d.state("stopping")
    d.state("stopped")
    check(d.kind("stopped")["reason"] == "Terminated", d.summary())
    check(not c.left(), "left")
    check(d.close() == 0, "the loop was not empty")
    os.close(r)
    os.close(w)


def case_leaks_nothing(c):
    """As ready_and_stop, seen before the engine opens anything of its own."""
    d = c.driver()
    c.run(d, "never-bind", words="proved")
    d.state("starting")
    pid = d.view()["pid"]
    fds = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    check(len([f for f in fds if not f.startswith("anon_inode:[signalfd")]) == 3, f"descriptors: {fds}")
    stop(c, d)


def case_binds_late(c):
    d = c.driver(ready_ms=10000, poll_ms=100)
    c.run(d, "bind-after 3000")
    d.state("starting")
    ready = d.state("running")
    check(2900 < ready["ms"] < 4500, f"ready after {ready['ms']} ms")
    stop(c, d)


def case_alive(c):
    d = c.driver(alive_ms=300)
    c.run(d, "never-bind", protocol="wireguard")
    d.state("starting")
    check(d.state("running")["ms"] >= 300, "too early")
    stop(c, d)


def case_http(c):
    d = c.driver()
    c.run(d, protocol="http")
    d.state("starting", "running")
    stop(c, d)


def case_v2ray(c):
    """A real engine."""
    exe = shutil.which("v2ray")
    if not exe:
        raise Skip("v2ray: it is not installed")
    path = c.dir + "/v2ray.json"
    with open(path, "w") as f:
        f.write('{"inbounds":[{"protocol":"socks","listen":"127.0.0.1","port":%d}],"outbounds":[{"protocol":"freedom"}]}'
                % c.port)
    d = c.driver(exe=exe, ready_ms=15000, term_ms=5000)
    c.run(d, path=path, words="prove=300 target=v2ray-4.34")
    d.state("starting", "running")
    d.kind("proved")
    check(d.view()["ownership_proved"] or os.geteuid() != 0, "whose the socket is")  # Debian gives it a capability
    with open(path, "w") as f:
        f.write('{"inbounds":[{"protocol":"no-such-thing","port":%d}]}' % c.port)
    c.run(d, path=path, words="target=v2ray-4.34")
    d.state("stopping")
    two_starts(c, d, "ended with status 23", "no-such-thing", steps=())


def case_script(c):
    """A wrapper that becomes the engine: the identity is that of the engine when it is ready."""
    script = c.dir + "/wrapper"
    with open(script, "w") as f:
        f.write(f"#!/bin/sh\nexec {c.exe} \"$@\"\n")
    os.chmod(script, 0o755)
    d = c.driver(exe=script)
    c.run(d)
    d.state("starting", "running")
    check(d.view()["ino"] == os.stat(c.exe).st_ino, "exe of the identity")
    stop(c, d)


# --- starts that fail ---
def two_starts(c, d, *parts, steps=("stopping",)):
    """An unproved spec: two starts, then failed; each with its reason."""
    for last in (False, True):
        d.state("starting")
        for step in steps:
            has(d.state(step)["reason"], *parts)
        has(d.state("failed" if last else "backoff")["reason"], *parts)
    has(d.kind("unproved_failed")["reason"], *parts)
    v = d.view()
    check(v["state"] == "failed" and v["starts"] == 2 and v["pid"] == 0, f"view: {v}")
    check(not c.left(), f"left: {c.left()}")


def case_never_binds(c):
    d = c.driver()
    c.run(d, "never-bind", "say still thinking")
    two_starts(c, d, f"not ready within 1.5 s: nothing listens on 127.0.0.1:{c.port}", "its last words: still thinking")
    d.tell("stop")
    d.state("stopped")
    check(d.kind("stopped")["reason"] == "NotRunning", d.summary())


def case_wrong_port(c):
    other = c.port + 12001
    d = c.driver()
    c.run(d, f"port {other}")
    two_starts(c, d, f"nothing listens on 127.0.0.1:{c.port} (it listens on 127.0.0.1:{other})")


def case_exits_at_once(c):
    d = c.driver()
    c.run(d, "say first line", "say bad \x1b[31mthing\x07: no such key", "exit 23")
    two_starts(c, d, "ended with status 23 after 0.", "first line bad ?[31mthing?: no such key", steps=())


def case_words_on_stdout(c):
    d = c.driver()
    c.run(d, "env", "exit 1")
    two_starts(c, d, "ended with status 1", "XRAT_ENGINE=client@", steps=())


def case_background(c):
    d = c.driver()
    c.run(d, "background")
    two_starts(c, d, "went into the background; run it in the foreground")


def case_daemonise(c):
    d = c.driver()
    c.run(d, "daemonise")
    two_starts(c, d, "went into the background; run it in the foreground")


def case_background_stubborn(c):
    d = c.driver(term_ms=300)
    c.run(d, "ignore-term", "background")
    two_starts(c, d, "went into the background; run it in the foreground")


def case_stranger(c):
    with socket.socket() as s:
        s.bind(("127.0.0.1", c.port))
        s.listen()
        d = c.driver(ready_ms=10000)
        c.run(d, "never-bind")
        two_starts(c, d, f"127.0.0.1:{c.port} is held by pid {os.getpid()} ('")
        check(d.events[-2]["ms"] < 6000, "did not fail early")


def case_stranger_refused_bind(c):
    with socket.socket() as s:
        s.bind(("0.0.0.0", c.port))
        s.listen()
        d = c.driver()
        c.run(d)
        two_starts(c, d, "ended with status 23", "Address already in use",
                   f"; 127.0.0.1:{c.port} is held by pid {os.getpid()} ('", steps=())


def case_not_socks(c):
    """The right process listens but does not speak: a helper program that only accepts."""
    script = c.dir + "/mute"
    with open(script, "w") as f:
        f.write(f"#!{sys.executable}\nimport socket, time\ns = socket.socket()\n"
                f"s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\ns.bind(('127.0.0.1', {c.port}))\ns.listen()\n"
                "while True:\n    k = s.accept()[0]\n    k.recv(3)\n    k.sendall(b'HTTP/1.1 400')\n    k.close()\n")
    os.chmod(script, 0o755)
    d = c.driver(exe=script)
    c.run(d)
    two_starts(c, d, f"not ready within 1.5 s: 127.0.0.1:{c.port} answers, but not as SOCKS")


# --- faults of the system ---
def system_fault(c, d, *parts):
    d.state("starting")
    for _ in range(3):
        has(d.state("backoff")["reason"], *parts)
        d.state("starting")
    check(not [e for e in d.events if e["kind"] == "unproved_failed"], "counted against the configuration")


def case_missing_executable(c):
    os.rename(c.exe, c.exe + ".away")
    d = c.driver()
    c.run(d)
    system_fault(c, d, f"cannot start '{c.exe}': No such file or directory; next start in ")
    os.rename(c.exe + ".away", c.exe)
    until(lambda: d.view()["state"] == "running", "running once the program is there")
    stop(c, d)


def case_no_engine(c):
    d = c.driver()
    c.run(d, words="exe=")
    system_fault(c, d, "no engine: 'xray' is not on PATH or in [paths]; next start in ")
    d.tell("stop")
    check(d.seek("stopped")["reason"] == "NotRunning", d.summary())


def case_exec_format(c):
    with open(c.exe, "wb") as f:
        f.write(b"\x00not a program\n")
    d = c.driver()
    c.run(d)
    system_fault(c, d, f"cannot start '{c.exe}': Exec format error")


def case_missing_interpreter(c):
    with open(c.exe, "w") as f:
        f.write("#!/nowhere/interpreter\n")
    d = c.driver()
    c.run(d)
    system_fault(c, d, f"cannot start '{c.exe}': the interpreter it names does not exist")


def case_log_is_a_link(c):
    os.mkdir(c.logs)
    victim = c.dir + "/victim"
    open(victim, "w").write("untouched")
    os.symlink(victim, c.log("err"))
    d = c.driver()
    c.run(d, "say words")
    d.state("starting")
    has(d.state("running")["reason"], "its output is not kept: open '", "engine-client.err.log")
    stop(c, d)
    check(open(victim).read() == "untouched", "written through the link")


# --- engines that die or hang ---
def case_dies_later(c):
    d = c.driver()
    c.run(d, "die-after 3000", "say it hurts", words="proved")
    d.state("starting", "running")
    has(d.state("backoff")["reason"], "ended with status 3 after 3.", "it hurts", "next start in 0.1 s")
    d.state("starting", "running")
    stop(c, d)


def case_dies_before_proved(c):
    d = c.driver()
    c.run(d, "die-after 600", words="prove=5000")
    for end in ("backoff", "failed"):
        d.state("starting", "running")
        has(d.state(end)["reason"], "ended with status 3")
    d.kind("unproved_failed")


def case_proved_by_caller(c):
    d = c.driver()
    c.run(d, "die-after 500", words="prove=5000")
    d.state("starting", "running")
    d.tell("proved")
    for _ in range(3):
        d.state("backoff", "starting", "running")
    stop(c, d)


def case_fast_failures(c):
    d = c.driver(backoff_first_ms=20, backoff_max_ms=300)
    c.run(d, "exit 4", words="proved")
    d.state("starting")
    reasons, delays = [], []
    for _ in range(7):
        event = d.state("backoff")
        reasons.append(event["reason"])
        delays.append(d.state("starting")["ms"] - event["ms"])
    loud = [i for i, r in enumerate(reasons) if r.startswith("failed 5 times in a row, from now on tried every 0.3 s: ")]
    check(loud == [4], f"said so loudly at {loud}: {reasons}")
    check(delays[0] < 100 and all(d >= least - 5 for d, least in zip(delays, (20, 40, 80, 160, 300, 300, 300))),
          f"delays {delays}")
    d.tell("stop")
    d.seek("stopped")


def case_healthy_resets(c):
    d = c.driver(healthy_reset_ms=700)
    c.run(d, "die-after 1200", words="proved health=100")
    d.state("starting", "running")
    for _ in range(2):
        d.state("backoff")
        check(d.view()["fast_failures"] == 1, "not forgotten")
        d.state("starting", "running")
    stop(c, d)


def case_ignores_term(c):
    d, pid = running(c, "ignore-term")
    begin = time.monotonic()
    stop(c, d, "Killed")
    check(time.monotonic() - begin >= 0.6, "killed too early")
    check(not alive(pid), "lives")


def case_leaves_helper(c):
    d, _ = running(c, "helper")
    check(len(c.left()) == 2, f"processes: {c.left()}")
    stop(c, d)


def case_leaves_stubborn_helper(c):
    d, _ = running(c, "helper-stubborn")
    stop(c, d, "Killed")


def case_dies_and_leaves_helper(c):
    d, pid = running(c, "helper", "helper")
    os.kill(pid, signal.SIGKILL)
    has(d.state("stopping")["reason"], "was killed by signal 9 (SIGKILL) after ")
    has(d.state("backoff")["reason"], "was killed by signal 9 (SIGKILL) after ")
    d.state("starting", "running")
    check(len(c.left()) == 3, f"processes: {c.left()}")
    stop(c, d)


def case_killed_from_outside(c):
    d, pid = running(c)
    begin = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    has(d.state("backoff")["reason"], "was killed by signal 9 (SIGKILL)")
    check(time.monotonic() - begin < 0.5, "not seen at once")
    d.state("starting", "running")
    check(d.view()["pid"] != pid, "the same process")
    stop(c, d)


def case_stopped_process(c):
    d, pid = running(c, words="proved health=100")
    os.kill(pid, signal.SIGSTOP)
    has(d.state("degraded")["reason"], "3 probes in a row failed: the process is stopped (SIGSTOP)")
    check(d.view()["pid"] == pid, "restarted")
    d.quiet(0.6)
    os.kill(pid, signal.SIGCONT)
    d.state("running")
    os.kill(pid, signal.SIGSTOP)
    d.state("degraded")
    stop(c, d)


def case_stopped_before_proved(c):
    d, pid = running(c, words="prove=4000 health=100")
    os.kill(pid, signal.SIGSTOP)
    has(d.state("stopping")["reason"], "unhealthy before it was proved: ")
    d.state("backoff", "starting", "running")
    stop(c, d)


def case_spam(c):
    cap = 1024 * 1024
    d = c.driver(ready_ms=15000)
    c.run(d, "spam 104857600", "say behind it", words=f"proved log={cap}")
    d.state("starting", "running")
    until(lambda: os.path.getsize(c.log()) <= cap and os.path.getsize(c.log(older=True)) <= cap, "the cap")
    check(stat.S_IMODE(os.stat(c.log(older=True)).st_mode) == 0o600, "mode of .1")
    whole = until(lambda: os.path.getsize(c.log(older=True)) > cap / 2, "what was cut")
    check(whole and sorted(os.listdir(c.logs)) == ["engine-client.err.log", "engine-client.err.log.1",
                                                    "engine-client.out.log"], f"files: {os.listdir(c.logs)}")
    stop(c, d)


# --- commands at any time ---
def case_stop_while_starting(c):
    d = c.driver()
    c.run(d, "never-bind")
    d.state("starting")
    stop(c, d)


def case_stop_twice(c):
    d, _ = running(c, "ignore-term")
    d.tell("stop")
    d.tell("stop")
    d.state("stopping", "stopped")
    check(d.kind("stopped")["reason"] == "Killed", d.summary())
    d.quiet(0.2)
    d.tell("stop")
    check(d.kind("stopped")["reason"] == "NotRunning", d.summary())


def case_run_replaces(c):
    d, pid = running(c)
    c.run(d, words="proved")
    has(d.state("stopping")["reason"], "replaced by generation 2")
    event = d.state("starting", "running")
    check(event["generation"] == 2 and not alive(pid), "the old one")
    stop(c, d)


def case_newest_wins(c):
    d, _ = running(c, "ignore-term")
    first = c.config(name="a.json")
    for _ in range(3):
        c.run(d, path=first)
    d.tell("stop")
    c.run(d, path=first, words="proved")
    d.state("stopping", "starting")
    event = d.state("running")
    check(event["generation"] == c.generation, f"generation {event['generation']}")
    check(d.view()["starts"] == 1, "more than one start")
    stop(c, d)
    check(len([e for e in d.events if e["kind"] == "stopped"]) == 1, "a stop that was taken back was reported")


def case_run_while_failing(c):
    d = c.driver(ready_ms=300)
    c.run(d, "never-bind", "ignore-term")
    d.state("starting", "stopping")
    c.run(d, words="proved")
    check(d.state("starting", "running")["generation"] == 2, d.summary())
    stop(c, d)
    check(not [e for e in d.events if e["kind"] == "unproved_failed"], "the old one's failure was counted")


def case_stop_in_backoff(c):
    d = c.driver(backoff_first_ms=5000, backoff_max_ms=5000)
    c.run(d, "exit 1", words="proved")
    d.state("starting", "backoff")
    check(4000 < d.view()["next_ms"] <= 5000, "when it starts next")
    d.tell("stop")
    d.state("stopped")
    check(d.kind("stopped")["reason"] == "NotRunning", d.summary())


def case_run_in_backoff_and_failed(c):
    d = c.driver(backoff_first_ms=5000, backoff_max_ms=5000)
    c.run(d, "exit 1")
    d.state("starting", "backoff")
    c.run(d, words="proved")
    d.state("starting", "running")
    stop(c, d)
    d = c.driver()
    c.run(d, "exit 1")
    two_starts(c, d, "ended with status 1", steps=())
    c.run(d)
    d.state("starting", "running")
    stop(c, d)


def case_close_at_any_time(c):
    for fake, state in (("never-bind", "starting"), ("env", "running"), ("exit 1", "backoff")):
        d = c.driver(backoff_first_ms=5000, backoff_max_ms=5000)
        c.run(d, fake, words="proved health=100")
        d.state("starting")
        if state != "starting":
            d.state(state)
        pid = d.view()["pid"]
        d.tell("close")
        check(d.process.wait(LIMIT) == 0, f"close in {state}: the loop was not empty")
        check(not pid or alive(pid), f"close in {state}: the engine was taken along")
        if pid:
            os.kill(pid, signal.SIGKILL)
            until(lambda p=pid: not alive(p), "its end")
    d, _ = running(c, "ignore-term")
    d.tell("stop")
    d.tell("close")
    check(d.process.wait(LIMIT) == 0, "close while stopping")


# --- reload ---
def reload(c, answer, words="proved reload health=200"):
    d = c.driver()
    path = c.run(d, f"reload {answer}" if answer else "env", words=words)
    d.state("starting", "running")
    pid = d.view()["pid"]
    d.tell(f"reload file={path} generation=9 prove=300 reload health=200")
    return d, pid, path


def case_reload_ok(c):
    d, pid, _ = reload(c, "ok")
    event = d.kind("reloaded")
    check(event["ok"] and event["generation"] == 9, f"{event}")
    check(d.kind("proved")["generation"] == 9, "not proved anew")
    check(d.view()["pid"] == pid and d.view()["generation"] == 9, "restarted")
    sock = os.stat(c.logs + "/engine-client.notify")
    check(stat.S_ISSOCK(sock.st_mode) and stat.S_IMODE(sock.st_mode) == 0o600, "the socket's mode")
    stop(c, d)
    check(not os.path.exists(c.logs + "/engine-client.notify"), "the socket is left")


def case_reload_refused(c):
    d, pid, _ = reload(c, "refuse bad key 'x'")
    event = d.kind("reloaded")
    check(not event["ok"] and event["generation"] == 9, f"{event}")
    has(event["reason"], "the engine refused the reload: bad key 'x'")
    check(d.view()["pid"] == pid and d.view()["generation"] == 1, "it should go on with the old one")
    stop(c, d)


def case_reload_silent(c):
    d, pid, _ = reload(c, "silent")
    event = d.kind("reloaded")
    check(not event["ok"], f"{event}")
    has(event["reason"], "did not answer to the reload within 0.7 s")
    check(d.view()["pid"] == pid, "restarted")
    stop(c, d)


def case_reload_forged(c):
    """Somebody else's READY does not count."""
    d, _, _ = reload(c, "silent")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        s.sendto(f"RELOADING=1\nMONOTONIC_USEC={now}\nREADY=1".encode(), c.logs + "/engine-client.notify")
    check(not d.kind("reloaded")["ok"], "believed a stranger")
    stop(c, d)


def case_reload_dies(c):
    d = c.driver()
    path = c.run(d, "reload silent", words="proved reload")
    d.state("starting", "running")
    pid = d.view()["pid"]
    d.tell(f"reload file={path} generation=9 reload")
    os.kill(pid, signal.SIGKILL)
    event = d.kind("reloaded")
    check(not event["ok"] and "signal 9" in event["reason"], f"{event}")
    d.state("backoff", "starting", "running")
    stop(c, d)


def case_reload_not_possible(c):
    """Another file, or an engine that cannot: a restart."""
    d, pid = running(c)
    c.generation += 1
    d.tell(f"reload file={c.config(name='other.json')} generation=9 proved")
    event = d.state("stopping", "starting", "running")
    check(event["generation"] == 9 and not alive(pid), "not restarted")
    check(not [e for e in d.events if e["kind"] == "reloaded"], "reported as a reload")
    stop(c, d)


# --- adoption ---
def identity(v):
    return f"pid={v['pid']} ticks={v['ticks']} boot={v['boot']} dev={v['dev']} ino={v['ino']}"


def orphan(c, *fake, words="proved"):
    """An engine whose service was killed; its view and its file."""
    d = c.driver()
    path = c.run(d, *fake, words=words)
    d.state("starting", "running")
    v = d.view()
    d.process.kill()
    d.process.wait()
    check(alive(v["pid"]), "died with its service")
    return v, path


def case_adopt(c):
    v, path = orphan(c, "helper", "reload ok", words="proved reload")
    d = c.driver()
    d.tell(f"adopt file={path} generation=1 proved reload {identity(v)}")
    check(d.kind("adopt")["result"] == 0, d.summary())
    d.state("starting", "running")
    w = d.view()
    check(w["pid"] == v["pid"] and w["ownership_proved"] and w["starts"] == 0, f"{w}")
    d.tell(f"reload file={path} generation=2 proved reload")
    check(d.kind("reloaded")["ok"], "an adopted engine reloads too")
    stop(c, d)


def case_adopted_dies(c):
    v, path = orphan(c)
    d = c.driver()
    d.tell(f"adopt file={path} generation=1 proved {identity(v)}")
    d.kind("adopt")
    d.state("starting", "running")
    os.kill(v["pid"], signal.SIGKILL)
    has(d.state("backoff")["reason"], "ended, status unknown because it was started by an earlier service")
    d.state("starting", "running")
    check(d.view()["pid"] != v["pid"], "the same")
    stop(c, d)


def case_adopt_refused(c):
    v, path = orphan(c)
    other = c.config(name="other.json")
    d = c.driver()
    wrong = {
        "another start time": (dict(v, ticks=v["ticks"] + 1), path),
        "another boot": (dict(v, boot="00000000-0000-4000-8000-000000000000"), path),
        "another program": (dict(v, ino=v["ino"] + 1), path),
        "another file": (v, other),
        "no such process": (dict(v, pid=2 ** 22 - 1), path),
    }
    for what, (view, file) in wrong.items():
        d.tell(f"adopt file={file} generation=1 {identity(view)}")
        check(d.kind("adopt")["result"] == -3, f"adopted in spite of {what}")
    check(d.view()["state"] == "stopped" and alive(v["pid"]), "something happened")
    d.quiet(0.1)
    os.kill(v["pid"], signal.SIGKILL)


def case_recycled_pids(c):
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        d = c.driver()
        d.tell(f"wrong 100 {stranger.pid}")
        opened = d.kind("wrong")["result"]
        FIGURES.append(f"recycled pids: 100, strangers signalled: {opened}")
        check(opened == 0 and stranger.poll() is None, "a stranger was signalled")
    finally:
        stranger.kill()
        stranger.wait()


# --- what it costs ---
def cpu_ticks(pid):
    f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(int(x) for x in f[11:15])


def case_exits_at_once_cost(c):
    """A tenth of the real times for 6 s = the starts of 60 s."""
    d = c.driver(backoff_first_ms=50, backoff_max_ms=3000, poll_ms=100)
    before = cpu_ticks(d.pid)
    c.run(d, "exit 1", words="proved")
    d.state("starting")
    end = time.monotonic() + 6
    until(lambda: time.monotonic() >= end, "6 s")
    starts = d.view()["starts"]
    used = (cpu_ticks(d.pid) - before) / os.sysconf("SC_CLK_TCK")
    FIGURES.append(f"an engine that exits at once: {starts} starts in 60 s, {used / 60 * 100:.2f}% CPU")
    check(used / 60 < 0.01, f"{used} s of CPU")
    d.tell("stop")
    d.seek("stopped")


# --- who may be looked at ---
def case_hidden_owner(c):
    """An engine with file capabilities, not root: its descriptors may not be read."""
    if os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("setcap"):
        raise Skip("hidden_owner: needs root, setpriv and setcap")
    if subprocess.run(["setcap", "cap_net_bind_service=ep", c.exe], stderr=subprocess.DEVNULL).returncode:
        raise Skip("hidden_owner: the file system keeps no capabilities")
    for path in (os.path.dirname(c.dir), c.dir):
        os.chmod(path, 0o755)
    os.mkdir(c.logs)
    os.chown(c.logs, 65534, 65534)
    shutil.copy(c.drive, c.dir + "/drive")
    drive, c.drive = c.drive, c.dir + "/drive"
    d = c.driver(prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    c.drive = drive
    c.run(d)
    d.state("starting")
    event = d.state("running")
    if d.view()["ownership_proved"]:
        raise Skip("hidden_owner: this kernel shows the descriptors all the same")
    has(event["reason"], "whose the listener is may not be read")
    stop(c, d)


def run_case(name, args):
    c = Case(name, *args)
    try:
        globals()["case_" + name](c)
        for d in c.drivers:
            text = open(c.dir + "/driver.err").read()
            check(not text, f"the driver said: {text[:2000]}")
        return "passed", ""
    except Skip as e:
        return "skipped", str(e)
    except Failed as e:
        return "failed", f"FAIL {name}: {e}"
    except Exception:
        return "failed", f"FAIL {name}: {traceback.format_exc()}"
    finally:
        c.clean()


def main():
    args, wanted = sys.argv[1:4], sys.argv[4:]
    names = [n[5:] for n in globals() if n.startswith("case_")]
    names = [n for n in names if not wanted or any(re.search(w, n) for w in wanted)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for verdict, text in pool.map(lambda n: run_case(n, args), names):
            counts[verdict] += 1
            if text:
                print(("skipped: " if verdict == "skipped" else "") + text)
    for figure in FIGURES:
        print(figure)
    print(f"runtime: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0


sys.exit(main())
