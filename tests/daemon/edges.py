#!/usr/bin/env python3
"""What is seen at the edges of sessions, health and rotation: listeners that are lost, engines that stop or will not end,
words of any language, settings by what they do, a program that is replaced. Words pick cases by name."""
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from dbed import ENV, SLOW, XRAT, Tally, bed, free_port, get, put, until

import rotation
import sessbed
from rotation import ENGINES, ON, QUICK, Hole, new, nodes_of, put_rotation, ticks
from sessbed import PASSWORD, Node, lacking, page
from sessbed import Stranger

tally = rotation.tally = Tally("edges")
OFF = "enabled = false\nhealth_failure_threshold = 100\n"
SYS_PIDFD_GETFD = 438


def listeners(http, shadowsocks, network="tcp,udp"):
    return (f"[runtime.http]\nenabled = true\nport = {http}\n[runtime.shadowsocks]\nenabled = true\nport = {shadowsocks}\n"
            f"password = \"change-me-once\"\nnetwork = \"{network}\"\n")


def states(d):
    return {i["kind"]: (i["port"], i["state"]) for i in d.status()["inbounds"]}


def checks(d, n):
    """Until health has looked so many times more (its clock is told in seconds)."""
    for _ in range(n):
        last = d.proxy()["last_health_check_epoch_secs"]
        until(20, lambda old=last: d.proxy()["last_health_check_epoch_secs"] != old)


# --- listeners ---
def three(work):
    for engine in ENGINES:
        t, nodes, http, shadowsocks = tally, nodes_of(111), free_port(), free_port()
        text = listeners(http, shadowsocks)
        if engine == "builtin":  # which has no Shadowsocks listener
            text = text.replace("[runtime.shadowsocks]\nenabled = true", "[runtime.shadowsocks]\nenabled = false")
        d = new(work, engine, nodes, rotation=OFF, more=text)
        d.connect_node(1)
        wanted = {"socks": (d.port, "reachable"), "http": (http, "reachable"), "shadowsocks": (shadowsocks, "reachable")}
        if engine == "builtin":
            del wanted["shadowsocks"]
        t.expect(f"{engine}: all listeners are in status, each with its state", until(10, lambda: states(d) == wanted), d.status())
        code, out, err = d.xrat("status")
        t.expect(f"{engine}: and in words", code == 0 and all(str(p) in out for p, _ in wanted.values()) and
                 out.count("reachable") == len(wanted) and "unreachable" not in out, out, err)
        d.close()


def take_listener(pid, port):
    """Ends the listening of a socket of another process, which knows nothing of it. False: this may not be done here."""
    libc, pidfd = ctypes.CDLL(None, use_errno=True), os.pidfd_open(pid)
    done = False
    try:
        for n in os.listdir(f"/proc/{pid}/fd"):
            try:
                is_socket = os.readlink(f"/proc/{pid}/fd/{n}").startswith("socket:")
            except FileNotFoundError:  # closed meanwhile
                continue
            if not is_socket:
                continue
            fd = libc.syscall(SYS_PIDFD_GETFD, pidfd, int(n), 0)
            if fd < 0:
                return False
            with socket.socket(fileno=fd) as s:
                name = s.getsockname()
                if name and name[1:2] == (port,) and s.type == socket.SOCK_STREAM and s.getsockopt(
                        socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    s.shutdown(socket.SHUT_RDWR)
                    done = True
    finally:
        os.close(pidfd)
    return done


def unreachable(work):
    """A listener is lost while the engine lives."""
    t, nodes, http = tally, nodes_of(112), free_port()
    d = new(work, "v2ray", nodes, rotation=OFF, more=listeners(http, free_port()))
    pid = d.connect_node(1)["payload"]["pid"]
    until(10, lambda: states(d)["http"][1] == "reachable")
    if not take_listener(pid, http):
        t.skip("unreachable: sockets of another process cannot be reached here")
        d.close()
        return
    t.expect("unreachable: status says which", until(10, lambda: states(d)["http"][1] == "unreachable") and
             states(d)["socks"][1] == states(d)["shadowsocks"][1] == "reachable", d.status())
    t.expect("unreachable: health does too", until(20, lambda: d.proxy()["last_health_error"] ==
                                                   f"the http listener on port {http} does not answer"), d.proxy())
    t.expect("unreachable: degraded, and the session goes on", d.is_in("degraded") and d.status()["pid_running"] and
             page(d.port) == nodes[0].source and d.row(1)["status"] == "running", d.status())
    d.close()


def udp_alone(work):
    """Whether a listener takes TCP is a matter of its session, whatever config.toml says since."""
    t, nodes = tally, nodes_of(113)
    for before, after in (("udp", "tcp,udp"), ("tcp,udp", "udp")):
        what, http, shadowsocks = f"{before}, then {after}", free_port(), free_port()
        d = new(work, "v2ray", nodes, rotation=OFF, more=listeners(http, shadowsocks, before))
        pid = d.connect_node(1)["payload"]["pid"]
        d.extra = listeners(http, shadowsocks, after)
        d.configure()
        d.proc.send_signal(signal.SIGHUP)
        until(10, lambda d=d: "was read again" in d.stderr())
        state = "not_checked" if before == "udp" else "reachable"
        for how in ("read again", "adopted"):
            checks(d, 2)
            t.expect(f"{what}: {how}: well", d.status()["runtime_status"] == "running" and not d.proxy()["last_health_error"], d.proxy())
            t.expect(f"{what}: {how}: its state", until(10, lambda d=d, s=state: states(d)["shadowsocks"][1] == s), d.status())
            if how == "read again":
                d.kill()
                d.up()
        if before != "udp" and take_listener(pid, shadowsocks):
            t.expect(f"{what}: it is still looked at", until(20, lambda d=d: "shadowsocks" in (d.proxy()["last_health_error"] or "")),
                     d.proxy())
        d.close()


def halted(work):
    """An engine that lives and does nothing: its ports take connections."""
    t, nodes = tally, nodes_of(114, 115)
    d = new(work, "builtin", nodes, rotation=OFF)
    pid = d.connect_node(1)["payload"]["pid"]
    until(10, lambda: states(d)["socks"][1] == "reachable")
    os.kill(pid, signal.SIGSTOP)
    t.expect("halted: status says so", until(10, lambda: states(d)["socks"][1] == "unreachable") and d.status()["pid_running"], d.status())
    t.expect("halted: health finds out", until(40, lambda: d.proxy()["consecutive_health_failures"]), d.proxy())
    t.expect("halted: degraded", d.status()["runtime_status"] == "degraded" and d.proxy()["last_health_error"], d.proxy())
    os.kill(pid, signal.SIGCONT)
    t.expect("halted: and well again", until(30, lambda: not d.proxy()["consecutive_health_failures"]) and
             "health_recovered" in d.kinds(), d.proxy())
    d.close()


def asked(work):
    """status while a session is being planned, again and again (ThreadSanitizer is who sees most of it)."""
    for engine in ENGINES:
        t, over, seen, faults = tally, [], [], []
        d = new(work, engine, nodes_of(119), rotation=OFF)

        def ask(d=d, over=over, seen=seen, faults=faults):
            while not over:
                s = d.status()
                seen.append(s["runtime_status"])
                if s["inbounds"] and (s["engine"] != d.engine or s["inbounds"][0]["host"] != "127.0.0.1"):
                    faults.append(s)

        asking = [threading.Thread(target=ask) for _ in range(2)]
        for x in asking:
            x.start()
        for _ in range(3):
            d.connect_node(1)
            d.disconnect()
        over.append(True)
        for x in asking:
            x.join()
        t.expect(f"{engine}: status while it is planned", "starting" in seen and not faults, set(seen), faults[:1])
        d.close()


# --- engines ---
def fake(work, name, *behaviours):
    exe = f"{work}/{name}"
    shutil.copy(bed.FAKE, exe)
    put(f"{exe}.behave", "".join(f"{b}\n" for b in behaviours))
    return exe


def killed(work):
    """An engine that SIGTERM does not end."""
    t, exe = tally, fake(work, "stubborn", "ignore-term")
    d = new(work, "v2ray", nodes_of(116), rotation=OFF, runtime="", more=f"[paths]\nv2ray = \"{exe}\"\n")
    reply = d.connect_node(1)
    if not t.expect("killed: it runs", reply["code"] == "ok", reply, d.stderr()):
        return
    reply = d.disconnect()
    t.expect("killed: the outcome says so", reply["ok"] and reply["payload"]["outcome"] == "Killed", reply)
    t.expect("killed: and it has ended", not d.engines() and d.row(1)["status"] == "stopped", d.engines(), d.row(1))
    d.close()


def cut_words(work):
    """Long words in other letters: replies, rows and events are whole characters, wherever they were cut."""
    t = tally
    for shift in range(3):
        exe = fake(work, "x" * (100 + shift), "check refuse " + "ошибка 設定 " * 60)
        d = new(work, "v2ray", nodes_of(117), rotation=OFF, more=f"[paths]\nv2ray = \"{exe}\"\n")
        reply = d.connect_node(1)
        t.expect("words: refused with them", reply["code"] == "invalid_state" and "ошибка" in reply["message"], reply)
        t.expect("words: nothing is broken off", not any(c in reply["message"] for c in "?\ufffd"), reply)
        try:
            texts = [d.row(1)["failure_reason"]] + [e["message"] for e in d.sql("SELECT message FROM events")]
            t.expect("words: rows and events have them", any("ошибка" in x for x in texts) and len(texts[0]) > 100, texts)
        except sessbed.sqlite3.OperationalError as e:
            t.expect("words: rows and events can be read", False, e)
        d.close()


def trial_words(work):
    """What an engine says of its file during a test is shown without what is secret in it."""
    t = tally
    exe = fake(work, "talker", f"check refuse cannot take user:{PASSWORD} of this outbound")
    link = f"socks://user:{PASSWORD}@127.0.0.1:{free_port()}#secret"
    d = new(work, "v2ray", [link], rotation=OFF, more=f"[paths]\nv2ray = \"{exe}\"\n")
    _, out, err = d.xrat("--format", "json", "test")
    reasons = [r["failure_reason"] for r in d.sql("SELECT failure_reason FROM connection_tests WHERE real_delay_ok = 0")]
    t.expect("trial words: they are told", reasons and "cannot take" in reasons[0], reasons, out, err)
    t.expect("trial words: without the secret", PASSWORD not in out + err + "".join(map(str, reasons)) + d.stderr(), reasons, out, err)
    d.close()


def swept(work):
    """A test that was killed leaves its engine, which is known by its mark; whoever else names the file is let alone."""
    t = tally
    d = new(work, "builtin", nodes_of(118), rotation=OFF)
    d.end()
    folder = f"{d.root}/runtime/test-0123abcd"
    os.mkdir(folder, 0o700)
    put(f"{folder}/xray.json", "{}")
    marked = Stranger(f"{folder}/xray.json", env={"XRAT_ENGINE": f"test-0123abcd@{d.root}"})
    other = Stranger(f"{folder}/xray.json", env={"XRAT_ENGINE": f"test-ffffffff@{d.root}"})
    reader = Stranger("-config", f"{folder}/xray.json")
    d.up()
    t.expect("swept: the one with the mark has ended", until(10, lambda: marked.proc.poll() is not None))
    t.expect("swept: what it left is gone", until(10, lambda: not os.path.exists(folder)), os.listdir(f"{d.root}/runtime"))
    t.expect("swept: those without it are untouched", other.unharmed() and reader.unharmed())
    marked.unharmed()
    d.close()


# --- settings, by what they do ---
def no_health_trigger(work):
    t, nodes = tally, nodes_of(121, 122)
    text = ON + "health_trigger_enabled = false\n"
    d = new(work, "builtin", nodes, rotation=text)
    d.tested(1, 2)
    d.connect_node(1)
    nodes[0].end()
    t.expect("no trigger: failures are counted", until(30, lambda: d.proxy()["consecutive_health_failures"] >= 4), d.proxy())
    p = d.proxy()
    t.expect("no trigger: nothing rotates", p["health_trigger_enabled"] is False and not p["pending_health_recovery"] and
             p["last_result"] is None and len(d.rows()) == 1 and "rotation_begun" not in d.kinds(), p, d.kinds())
    t.expect("no trigger: but it is shown", d.status()["runtime_status"] == "degraded", d.status())
    put_rotation(d, ON)
    t.expect("no trigger: with it, it does", d.comes_from(nodes[1]), d.proxy(), d.stderr())
    d.close()


def ticking(work):
    """Looks at health are as far apart as health_tick_secs says."""
    t, nodes = tally, nodes_of(123)
    for tick in (1, 3):
        d = new(work, "builtin", nodes, rotation=OFF, runtime=f"health_tick_secs = {tick}\n")
        d.connect_node(1)
        seen = []
        for _ in range(3):
            checks(d, 1)
            seen.append(d.proxy()["last_health_check_epoch_secs"])
        apart = [b - a for a, b in zip(seen, seen[1:])]
        t.expect(f"ticking: every {tick} s", all(tick - 1 < n <= tick + 1 + SLOW for n in apart), apart)
        d.close()


def threshold(work):
    """So many failures and no fewer."""
    t, n = tally, 4
    nodes = nodes_of(124, 125)
    d = new(work, "builtin", nodes, rotation=ON.replace("threshold = 2", f"threshold = {n}"))
    d.tested(1, 2)
    d.connect_node(1)
    checks(d, 1)
    nodes[0].end()
    t.expect("threshold: another node", d.comes_from(nodes[1]), d.proxy())
    counted = [e["message"] for e in d.sql("SELECT message FROM events WHERE source = 'health' AND message LIKE '%failure %' ORDER BY id")]
    t.expect(f"threshold: after {n} failures", len(counted) == n and all(f"failure {i + 1} of {n}" in m for i, m in enumerate(counted)),
             counted)
    d.close()


def cooling(work):
    """Rotations by themselves are cooldown_secs apart."""
    t, secs = tally, 4
    d = new(work, "builtin", nodes_of(126, 127), rotation=f"enabled = true\ninterval_secs = 1\ncooldown_secs = {secs}\n")
    d.connect_node(1)
    t.expect("cooling: three rotations", until(60, lambda: d.kinds().count("rotation_done") >= 3), d.kinds("rotation"))
    at = [e["created_at"] for e in d.sql("SELECT created_at FROM events WHERE kind = 'rotation_done' ORDER BY id")]
    apart = [b - a for a, b in zip(at, at[1:])]
    t.expect(f"cooling: {secs} s apart", all(ms >= secs * 1000 for ms in apart), apart)
    t.expect("cooling: it is told", d.proxy()["cooldown_secs"] == secs, d.proxy())
    d.close()


def redirected(work):
    """What answers with a redirect is no page: not to a session's proof, not to health, not to a test."""
    t, nodes = tally, nodes_of(128)
    d = new(work, "builtin", nodes, rotation=OFF)
    d.connect_node(1)
    checks(d, 1)
    t.expect("redirect: well before", not d.proxy()["consecutive_health_failures"], d.proxy())
    url = sessbed.web().url()
    put(f"{d.root}/config.toml", (get(f"{d.root}/config.toml") or b"").decode().replace(url, url + "moved"))
    d.proc.send_signal(signal.SIGHUP)
    t.expect("redirect: health", until(20, lambda: "status 302" in (d.proxy()["last_health_error"] or "")), d.proxy())
    d.xrat("test", "1")
    row = d.sql("SELECT http_status, real_delay_ok FROM connection_tests")
    t.expect("redirect: a test", row == [{"http_status": 302, "real_delay_ok": 0}], row)
    reply = d.connect_node(1)
    t.expect("redirect: a proof", reply["code"] == "invalid_state" and "status 302" in reply["message"], reply)
    d.close()


# --- the daemon goes and comes ---
def fails_after_start(work):
    """An engine that was taken over while it starts, and never gets ready: another node follows, as after a death."""
    t, nodes = tally, nodes_of(131, 132)
    d = new(work, "v2ray", nodes)
    d.tested(1, 2)
    pid = d.connect_node(1)["payload"]["pid"]
    d.kill()
    os.kill(pid, signal.SIGSTOP)
    d.sql("UPDATE runtime_sessions SET status = 'starting'")
    d.up()
    t.expect("fails after the start: it is waited for", until(5, lambda: "daemon_restart_reattach_ok" in d.events()) and
             d.row(1)["status"] == "starting", d.row(1), d.events())
    os.kill(pid, signal.SIGKILL)
    t.expect("fails after the start: the row has failed", until(10, lambda: d.row(1)["status"] == "failed"), d.row(1))
    t.expect("fails after the start: another node", d.comes_from(nodes[1]), d.proxy(), d.stderr())
    d.close()


def out_of_memory(work):
    """An allocation fails while a start looks for what runs: no engine is left without an owner."""
    t, oom = tally, f"{work}/oom.so"
    gcc = subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-fno-builtin", "-o", oom, f"{bed.TOP}/tests/fault/oom.c",
                          "-ldl"], capture_output=True, text=True, check=False)
    if not t.expect("out of memory: tests/fault/oom.c", gcc.returncode == 0, gcc.stderr):
        return
    d = new(work, "builtin", nodes_of(134), rotation=OFF)
    counts = {"taken over": 0, "ended": 0, "the daemon ended": 0}
    for at, n in [("OOM_FROM", n) for n in range(1, 400, 40)] + [("OOM_FROM_FD", n) for n in range(1, 9)]:
        if not d.engines():
            d.connect_node(1)
        d.kill()
        before = d.engines()
        d.run(env={"LD_PRELOAD": oom, at: f"{d.root}/runtime", "OOM_AT": str(n)})
        until(15, lambda: d.proc.poll() is not None or d.ping())
        if d.proc.poll() is not None:
            t.expect(f"out of memory at {at} {n}: the daemon ended, its engine goes on", d.engines() == before, d.stderr())
            counts["the daemon ended"] += 1
            d.up()
        owned = until(10, lambda: list(d.engines()) == [s["pid"] for s in [d.status()] if s["runtime_status"] in ("running", "degraded")])
        t.expect(f"out of memory at {at} {n}: what runs is somebody's", owned, d.engines(), d.rows()[-2:], d.stderr())
        counts["taken over" if d.engines() else "ended"] += 1
        for pid in [] if owned else d.engines():
            os.kill(pid, signal.SIGKILL)
    t.expect("out of memory: both ways were gone", counts["the daemon ended"] and counts["ended"], counts)
    print(f"out of memory while engines are taken over: {counts}")
    d.close()


def another_build(work):
    """`daemon restart` behind an upgrade runs the program that is there now."""
    t = tally
    d = new(work, "builtin", nodes_of(133), rotation=OFF)
    d.end()
    at = f"{work}/program"
    os.makedirs(at)
    # by another process: a thread that forks here meanwhile would hold the copy open for writing
    subprocess.run(["cp", "-r", XRAT, os.path.join(os.path.dirname(XRAT), "libexec"), at], check=True)
    with open(d.log, "ab") as log:
        d.proc = subprocess.Popen([f"{at}/xrat", "--root", d.root, "daemon", "run-server"], env=ENV, stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=log)
    t.expect("another build: up", until(15, d.ping), d.stderr())
    pid = d.connect_node(1)["payload"]["pid"]
    before = os.stat(f"/proc/{d.proc.pid}/exe").st_ino
    for n in os.listdir(f"{at}/libexec"):
        shutil.copy(f"{at}/libexec/{n}", f"{at}/{n}.new")
        with open(f"{at}/{n}.new", "ab") as f:
            f.write(b"another build")
        os.rename(f"{at}/{n}.new", f"{at}/libexec/{n}")
    p = subprocess.run([f"{at}/xrat", "--root", d.root, "daemon", "restart"], env=ENV, capture_output=True, text=True,
                       timeout=60 * SLOW, check=False)
    now = os.stat(f"/proc/{d.proc.pid}/exe")
    t.expect("another build: restarted", p.returncode == 0, p.stdout, p.stderr, d.stderr())
    t.expect("another build: it is what runs", now.st_ino != before and now.st_ino in [
        os.stat(f"{at}/libexec/{n}").st_ino for n in os.listdir(f"{at}/libexec")] and
        (get(f"/proc/{d.proc.pid}/exe") or b"").endswith(b"another build"), before, now)
    t.expect("another build: the session goes on", d.status()["pid"] == pid and d.status()["runtime_status"] == "running", d.status())
    d.close()


CASES = (three, unreachable, asked, udp_alone, halted, killed, cut_words, trial_words, swept, no_health_trigger, ticking, threshold, cooling,
         redirected, fails_after_start, out_of_memory, another_build)


def guarded(fn, work):
    try:
        fn(work)
    except Exception as e:  # one case must not take the others along
        tally.expect(f"{fn.__name__}: {e!r}", False, traceback.format_exc())


def main():
    wanted = sys.argv[1:]
    missing = lacking()
    if missing:
        tally.skip(f"edges: {' and '.join(missing)} not installed")
        tally.finish()
    sessbed.web()
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as top:
        threads = []
        for fn in CASES:
            if wanted and fn.__name__ not in wanted:
                continue
            os.makedirs(f"{top}/{fn.__name__}")
            threads.append(threading.Thread(target=guarded, args=(fn, f"{top}/{fn.__name__}")))
        for x in threads:
            x.start()
        for x in threads:
            x.join()
        for d in rotation.made:
            if d.proc is None or d.proc.returncode is None:
                d.close()
        for n in Node.made:
            n.end()
        left = bed.process_of(top)
        tally.expect("nothing is left running", not left, left)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    tally.finish()


if __name__ == "__main__":
    main()
