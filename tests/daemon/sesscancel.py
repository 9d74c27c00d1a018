"""What is taken back while it is under way: by a disconnect, by Ctrl-C, by the stop of the daemon."""
import os
import shutil
import signal
import subprocess
import threading

from dbed import ENV, SLOW, XRAT, bed, free_port, get, put, seconds_of, snake, until

from sessbed import Sessions, page

tally, made = None, []
SOON = 4 * SLOW  # seconds; without a cancel it would be 10 to 60


class Waiting:
    """A question that takes its time."""

    def __init__(self, fn):
        self.reply = None
        self.thread = threading.Thread(target=lambda: setattr(self, "reply", fn()))
        self.thread.start()

    def end(self):
        self.thread.join(30)
        return self.reply


def fake(work, name, *behaviour):
    path = f"{work}/{name}"
    shutil.copy(bed.FAKE, path)
    with open(f"{path}.behave", "w", encoding="utf-8") as f:
        f.write("\n".join(behaviour))
    return path


def script(work, name, text):
    path = f"{work}/{name}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\n{text}")
    os.chmod(path, 0o755)
    return path


def new(work, name, engine, nodes, exe=None, **more):
    paths = f"[paths]\nv2ray = \"{exe}\"\n" if exe else ""
    d = Sessions(f"{work}/cancel-{name}", engine, [n.link for n in nodes], more=paths, **more)
    made.append(d)
    tally.expect(f"{name}: the daemon starts", d.up(), d.stderr())
    return d


def use(d, exe):
    d.engine, d.extra = "v2ray", f"[paths]\nv2ray = \"{exe}\"\n"
    d.configure()


def running(*needles):
    """Processes with all of these among their arguments."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            args = get(f"/proc/{pid}/cmdline") or b""
        except OSError:
            continue
        if all(n.encode() in args for n in needles):
            found.append(int(pid))
    return found


def left(d):
    return [n for n in os.listdir(f"{d.root}/runtime") if n.endswith(".json") or "proof" in n]


def expect_cancelled(d, name, n, asker, disconnect):
    """Disconnects; all of it is over soon, and everybody knows."""
    took, reply = seconds_of(disconnect)
    tally.expect(f"{name}: soon", took < SOON, took, reply)
    told = asker.end()
    tally.expect(f"{name}: who waited is told", told and told["code"] == "busy" and told["reason"] == "cancelled" and "cancelled by a disconnect" in told["message"], told)
    row = d.row(n)
    tally.expect(f"{name}: its row", row["status"] == "stopped" and row["last_transition_reason_code"] == "cancelled" and
                 row["stopped_at"] and not row["failure_reason"], row)
    tally.expect(f"{name}: nothing is left", not d.engines() and not left(d), d.engines(), left(d))
    return reply


def first(work, one, _two):
    """Of a first connect: while the checker hangs, and while the engine does not listen."""
    for name, word in (("checker", "check hang"), ("never ready", "never-bind")):
        exe = fake(work, f"fake-{name.split()[0]}", word)
        d = new(work, f"first-{name.split()[0]}", "v2ray", (one,), exe)
        asker = Waiting(lambda d=d: d.connect_node(1))
        tally.expect(f"{name}: under way", until(10, lambda e=exe: running(e, "session-1.json")) and
                     (name == "checker" or until(10, d.engines)), d.stderr())
        tally.expect(f"{name}: a second connect is told how to go on", "'xrat disconnect'" in d.connect_node(1)["message"])
        reply = expect_cancelled(d, name, 1, asker, d.disconnect)
        tally.expect(f"{name}: disconnect says what it ended", reply.get("payload") == {
            "stopped_session": True, "session_id": 1, "outcome": "Cancelled"}, reply)
        tally.expect(f"{name}: no process", not running(exe), running(exe))
        tally.expect(f"{name}: then there is nothing", d.disconnect()["code"] == "not_found")
        d.engine, d.extra = "builtin", ""
        d.configure()
        tally.expect(f"{name}: and the next connect works", d.connect_node(1)["code"] == "ok" and until(5, lambda d=d: page(d.port)), d.stderr())


def replacement(work, one, two):
    """Before the switch and in the middle of it: both sessions end."""
    mute = fake(work, "fake-mute", "never-bind")
    both = script(work, "both", f'case " $*" in *-proof*|*" -test"*|*session-1.json*) exec v2ray "$@";; esac\nexec {mute} "$@"\n')
    for name, exe, file in (("proof", mute, "session-2-proof.json"), ("switch", both, "session-2.json")):
        d = new(work, name, "v2ray", (one, two))
        d.connect_node(1)
        use(d, exe)
        asker = Waiting(lambda d=d: d.connect_node(2))
        tally.expect(f"{name}: under way", until(10, lambda f=file, d=d: running(mute, f, "-config") and f in str(d.engines())), d.stderr())
        reply = expect_cancelled(d, name, 2, asker, d.disconnect)
        tally.expect(f"{name}: what ran is ended too", reply.get("payload", {}).get("session_id") == 1 and
                     d.row(1)["status"] == "stopped" and d.row(1)["last_transition_reason_code"] == "manual_disconnect", reply, d.row(1))


def client_goes(work, one, two):
    """Ctrl-C takes a replacement back; what runs goes on. A client that has only said all it has to say is there."""
    d = new(work, "client", "builtin", (one, two))
    request = b'{"protocol_version":1,"request":{"type":"runtime_connect","config_id":1}}\n'
    tally.expect("half closed: it is told", b'"ok":true' in d.raw(request, end=True, timeout=30))
    use(d, fake(work, "fake-client", "never-bind"))
    with subprocess.Popen([XRAT, "--root", d.root, "connect", "2"], env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        tally.expect("ctrl-c: under way", until(10, lambda: len(d.engines()) == 2), d.stderr())
        p.send_signal(signal.SIGINT)
    took, _ = seconds_of(lambda: until(10, lambda: d.row(2)["status"] == "stopped" and len(d.engines()) == 1))
    tally.expect("ctrl-c: taken back", took < SOON and d.row(2)["last_transition_reason_code"] == "cancelled", took, d.row(2), d.stderr())
    tally.expect("ctrl-c: what ran goes on", page(d.port) == one.source and d.row(1)["status"] == "running", d.row(1))
    asks = [Waiting(d.disconnect) for _ in range(3)]
    replies = [a.end() for a in asks]
    tally.expect("several disconnects are told the same, or that it is over", replies[0] and
                 {r["code"] for r in replies} <= {"ok", "not_found"} and
                 {r["payload"]["session_id"] for r in replies if r["code"] == "ok"} == {1}, replies)


def after_death(work, one, two):
    """Rotation is about to follow an engine that died: a disconnect ends that too."""
    d = new(work, "death", "builtin", (one, two), rotation="enabled = true\n")
    d.sql("INSERT INTO connection_test_runs (kind, created_at) VALUES ('test', 1)")
    d.sql("INSERT INTO connection_tests (run_id, config_id, attempt, tcp_ok, tcp_ms, real_delay_ok, real_delay_ms, tested_at) "
          "SELECT 1, id, 1, 1, 1, 1, 5, CAST(strftime('%s', 'now') AS INTEGER) * 1000 FROM configs")
    pid = d.connect_node(1)["payload"]["pid"]
    use(d, fake(work, "fake-death", "never-bind"))
    os.kill(pid, signal.SIGKILL)
    tally.expect("death: another is tried", until(15, lambda: len(d.rows()) == 2 and d.engines() and pid not in d.engines()),
                 d.stderr())
    took, reply = seconds_of(d.disconnect)
    tally.expect("death: cancelled", took < SOON and reply["code"] == "ok" and reply["payload"]["outcome"] == "Cancelled", took, reply)
    proxy = d.ask(snake("proxy_status"))["payload"]
    tally.expect("death: nothing follows", not proxy["pending_health_recovery"] and not d.engines() and
                 d.rows()[-1]["status"] == "stopped", proxy, d.rows())


def stops(work, one, _two):
    """A checker that hangs holds up no stop: a session's, and that of an apply."""
    exe = fake(work, "fake-stops", "check hang")
    for name in ("session", "apply"):
        d = new(work, f"stop-{name}", "v2ray", (one,), exe)
        asker = None
        if name == "session":
            asker = Waiting(lambda d=d: d.connect_node(1))
        else:
            put(f"{d.root}/xp2p-client.toml", bed.TOML.format(note="", port=free_port(), more=""))
        tally.expect(f"stop, {name}: the checker runs", until(15, lambda: running(exe)), d.stderr())
        took, code = seconds_of(d.end)
        tally.expect(f"stop, {name}: soon, and the checker is gone", code == 0 and took < SOON and not running(exe), took, code, d.stderr())
        if asker:
            asker.end()
            tally.expect("stop: the row says so", d.row(1)["status"] == "failed", d.row(1))


CASES = (first, replacement, client_goes, after_death, stops)
