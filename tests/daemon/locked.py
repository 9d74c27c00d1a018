#!/usr/bin/env python3
"""Another process holds the database: the daemon answers all the same, and what happens meanwhile is in the database once it is
free, or the log says what is not. Words pick cases by name.

Each case takes the write lock as an import does, and asks `status` all the while. Nothing is said about how fast it is, but that it
is not held up: SOON is far beyond an answer, and far below what the lock is held for."""
import errno
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from dbed import SLOW, Tally, seconds_of, snake, until

import killbed
import sesskill
from sessbed import ENGINES, Node, Sessions, lacking, page

SOON = 1.0  # seconds
SHORT, LONG = 3, 8
tally = Tally("locked")
made = []
slowest = {"free": 0, "held": 0}


class Lock:
    """The write lock of the database."""

    def __init__(self, d):
        self.con = sqlite3.connect(d.db, timeout=20, isolation_level=None, check_same_thread=False)
        self.con.execute("BEGIN IMMEDIATE")
        self.begin = time.monotonic()

    def free(self):
        self.con.execute("ROLLBACK")
        self.con.close()


class Asked(threading.Thread):
    """A request of somebody who waits."""

    def __init__(self, fn):
        super().__init__()
        self.fn, self.reply, self.took = fn, None, 0
        self.start()

    def run(self):
        self.took, self.reply = seconds_of(self.fn)

    def answer(self):
        self.join()
        return self.reply


class Gate:
    """In front of a node: what comes waits until it is opened."""

    def __init__(self, node):
        self.node, self.is_open, self.came = node, threading.Event(), threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.link = f"socks://127.0.0.1:{self.socket.getsockname()[1]}#gate"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                s = self.socket.accept()[0]
            except OSError:
                return
            self.came.set()
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        self.is_open.wait()
        with s, socket.create_connection(("127.0.0.1", self.node.port)) as to:
            other = threading.Thread(target=self.copy, args=(to, s), daemon=True)
            other.start()
            self.copy(s, to)
            other.join()

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def new(work, engine, nodes, name):
    d = Sessions(f"{work}/{name}-{engine}", engine, [n.link for n in nodes])
    d.nodes = nodes
    made.append(d)
    tally.expect(f"{name}: the daemon starts", d.up(), d.stderr())
    return d


def watch(d, lock, seconds, what):
    """Asks status until the lock was held for so long; the newest answer."""
    s, worst = None, 0
    while not worst or time.monotonic() - lock.begin < seconds:
        took, s = seconds_of(d.status)
        worst = max(worst, took)
        time.sleep(0.005)
    slowest["held"] = max(slowest["held"], worst)
    tally.expect(f"{what}: status is not held up", worst < SOON * SLOW, worst)
    return s


def at_rest(d, what):
    """The same unlocked; and nothing is wrong in the end."""
    worst = max(seconds_of(d.status)[0] for _ in range(50))
    slowest["free"] = max(slowest["free"], worst)
    tally.expect(f"{what}: no row is lost", "cannot be written" not in d.stderr() and "not written" not in d.stderr(), d.stderr())


# --- what happens meanwhile ---
def dies(work, seconds, one, _two):
    d = new(work, "builtin", (one,), f"dies-{seconds}")
    pid, what = d.connect_node(1)["payload"]["pid"], f"the engine dies, {seconds} s"
    until(10, lambda: "session_proved" in d.events())
    lock, killed = Lock(d), time.time()
    os.kill(pid, signal.SIGKILL)
    took, _ = seconds_of(lambda: d.is_in("failed"))
    tally.expect(f"{what}: status knows it at once", took < SOON * SLOW, took)
    s = watch(d, lock, seconds, what)
    tally.expect(f"{what}: with the reason, though the database does not", s["runtime_status"] == "failed" and
                 "SIGKILL" in (s["failure_reason"] or "") and d.row(1)["status"] == "running", s, d.row(1))
    lock.free()
    tally.expect(f"{what}: the row has failed when the database is free", until(5, lambda: d.row(1)["status"] == "failed"), d.rows())
    row = d.row(1)
    tally.expect(f"{what}: its reason and its time are those of the death", "SIGKILL" in row["failure_reason"] and
                 abs(row["stopped_at"] / 1000 - killed) < SOON * SLOW, row, killed)
    tally.expect(f"{what}: the event is there", until(5, lambda: "runtime_process_exited" in d.events()), d.events())
    tally.expect(f"{what}: the log tells that it waited", "another process holds the database" in d.stderr() and
                 "the database is free again" in d.stderr(), d.stderr())
    tally.expect(f"{what}: the next connect works", d.connect_node(1)["code"] == "ok", d.stderr())
    at_rest(d, what)


def connects(work, seconds, one, _two):
    d, what = new(work, "builtin", (one,), f"connects-{seconds}"), f"connect, {seconds} s"
    lock = Lock(d)
    asked = Asked(lambda: d.connect_node(1))
    s = watch(d, lock, seconds, what)
    tally.expect(f"{what}: there is no session yet", s["runtime_status"] == "none" and not d.rows(), s)
    lock.free()
    reply = asked.answer()
    if seconds == SHORT:
        tally.expect(f"{what}: goes on when the database is free", reply["code"] == "ok" and d.row(1)["status"] == "running", reply)
    else:
        tally.expect(f"{what}: busy, and who is at fault", reply["code"] == "busy" and "another process" in reply["message"] and
                     "database" in reply["message"], reply)
        tally.expect(f"{what}: before the database was free", asked.took < LONG, asked.took)
        tally.expect(f"{what}: no row is left", not d.rows(), d.rows())
        tally.expect(f"{what}: and then it works", d.connect_node(1)["code"] == "ok", d.stderr())
    tally.expect(f"{what}: a page", until(5, lambda: page(d.port) == one.source))
    at_rest(d, what)


def disconnects(work, seconds, one, _two):
    d, what = new(work, "builtin", (one,), f"disconnects-{seconds}"), f"disconnect, {seconds} s"
    d.connect_node(1)
    until(10, lambda: "session_proved" in d.events())
    lock = Lock(d)
    took, reply = seconds_of(d.disconnect)
    tally.expect(f"{what}: done at once", reply["code"] == "ok" and took < SOON * SLOW and not d.engines(), reply, took)
    s = watch(d, lock, seconds, what)
    tally.expect(f"{what}: status says it, the row does not yet", s["runtime_status"] == "stopped" and d.row(1)["status"] == "running", s)
    lock.free()
    tally.expect(f"{what}: the row is stopped when the database is free", until(5, lambda: d.row(1)["status"] == "stopped"), d.rows())
    until(5, lambda: "session_stopped" in d.events())
    tally.expect(f"{what}: the event came behind", d.events()[-1] == "session_stopped", d.events())
    at_rest(d, what)


def switches(work, seconds, one, _two):
    d, what = new(work, "builtin", (one,), f"switches-{seconds}"), f"proxy start, {seconds} s"
    lock = Lock(d)
    asked = Asked(lambda: d.xrat("proxy", "start"))
    watch(d, lock, seconds, what)
    rotation = d.ask(snake("proxy_status"))["payload"]["rotation_enabled"]
    tally.expect(f"{what}: it is not said to be on before it is written", not rotation)
    lock.free()
    code, out, err = asked.answer()
    if seconds == SHORT:
        tally.expect(f"{what}: done when the database is free", code == 0 and "on" in out, out, err)
    else:
        tally.expect(f"{what}: refused before that", code == 4 and "another process" in err and asked.took < LONG, code, err, asked.took)
    enabled = d.ask(snake("proxy_status"))["payload"]["rotation_enabled"]
    stored = (d.sql("SELECT enabled FROM rotation_state") or [{"enabled": None}])[0]["enabled"]
    tally.expect(f"{what}: memory and database agree", (enabled, stored) == ((True, 1) if seconds == SHORT else (False, None)), enabled, stored)
    at_rest(d, what)


def rotates(work, seconds, one, two):
    """The next node follows one whose engine died, though not before its row can be written."""
    what, links = f"rotation, {seconds} s", (one.link, two.link)
    d = Sessions(f"{work}/rotates-{seconds}", "builtin", links, rotation="enabled = true\ncooldown_secs = 1\n")
    made.append(d)
    now = int(time.time() * 1000)
    d.sql("INSERT INTO connection_test_runs (kind, created_at) VALUES ('test', ?)", now)
    d.sql("INSERT INTO connection_tests (run_id, config_id, attempt, tcp_ok, tcp_ms, real_delay_ok, real_delay_ms, tested_at) "
          "VALUES (1, 2, 1, 1, 1, 1, 10, ?)", now)
    d.up()
    pid = d.connect_node(1)["payload"]["pid"]
    until(10, lambda: "session_proved" in d.events())
    lock = Lock(d)
    os.kill(pid, signal.SIGKILL)
    s = watch(d, lock, seconds, what)
    tally.expect(f"{what}: the session has failed", s["runtime_status"] == "failed", s)
    lock.free()
    tally.expect(f"{what}: the other node has it", until(15, lambda: page(d.port) == two.source), d.stderr())
    tally.expect(f"{what}: it rests, and the rows tell it", until(5, lambda: d.sql("SELECT * FROM cooldowns WHERE config_id = 1") and
                 d.row(1)["status"] == "failed" and d.rows()[-1]["status"] == "running"), d.rows())
    at_rest(d, what)


def restarts(work, seconds, one, _two):
    """SIGUSR2 waits until everything is written: its successor reads it."""
    d, what = new(work, "builtin", (one,), f"restarts-{seconds}"), f"daemon restart, {seconds} s"
    pid, before = d.connect_node(1)["payload"]["pid"], d.ping()["instance_id"]
    lock = Lock(d)
    os.kill(pid, signal.SIGKILL)
    d.is_in("failed")
    d.proc.send_signal(signal.SIGUSR2)
    watch(d, lock, seconds, what)
    tally.expect(f"{what}: it waits", d.ping()["instance_id"] == before)
    lock.free()
    tally.expect(f"{what}: and comes", until(15, lambda: (d.ping() or {}).get("instance_id", before) != before), d.stderr())
    tally.expect(f"{what}: the row is what its predecessor knew", d.row(1)["status"] == "failed" and "SIGKILL" in d.row(1)["failure_reason"],
                 d.row(1))
    at_rest(d, what)


def stops(work, seconds, one, _two):
    d, what = new(work, "builtin", (one,), f"stops-{seconds}"), f"daemon stop, {seconds} s"
    d.connect_node(1)
    lock = Lock(d)
    asked = Asked(d.end)
    until(LONG, lambda: time.monotonic() - lock.begin >= seconds or d.proc.poll() is not None)
    if seconds == SHORT:
        lock.free()
    tally.expect(f"{what}: it ends in good order", asked.answer() == 0 and not d.engines(), d.stderr())
    if seconds == SHORT:
        tally.expect(f"{what}: when everything is written", d.row(1)["status"] == "stopped", d.row(1))
        return
    tally.expect(f"{what}: before the database is free", asked.took < LONG * SLOW, asked.took)
    tally.expect(f"{what}: the log says what is lost", "session 1: error: its row cannot be written" in d.stderr() and "to 'stopped'" in d.stderr() and
                 "events that were not written" in d.stderr(), d.stderr())
    lock.free()
    d.up()
    tally.expect(f"{what}: the next one finds the truth", d.row(1)["status"] == "failed" and d.row(1)["failure_reason"], d.row(1))


def takes_over(work, _seconds, one, _two):
    """Nothing waits, so the successor comes while the database is held, and its own changes wait."""
    d, what = new(work, "builtin", (one,), "takes-over"), "daemon restart with nothing that waits"
    pid, before = d.connect_node(1)["payload"]["pid"], d.ping()["instance_id"]
    until(10, lambda: "session_proved" in d.events())
    lock = Lock(d)
    d.proc.send_signal(signal.SIGUSR2)
    tally.expect(f"{what}: it comes", until(15, lambda: (d.ping() or {}).get("instance_id", before) != before), d.stderr())
    s = watch(d, lock, SHORT, what)
    tally.expect(f"{what}: with the session", s["runtime_status"] == "running" and s["pid"] == pid and s["runtime_owned"], s, d.stderr())
    tally.expect(f"{what}: the row does not know", d.row(1)["owner_instance_id"] == before, d.row(1))
    lock.free()
    tally.expect(f"{what}: and then does", until(5, lambda: d.row(1)["owner_instance_id"] == d.ping()["instance_id"]), d.row(1))
    at_rest(d, what)


def begins(work, _seconds, _one, _two):
    """The first start of all has to write, and waits for as long as it takes."""
    d, what = Sessions(f"{work}/begins", "builtin", []), "first start"
    made.append(d)
    lock = Lock(d)
    d.run()
    tally.expect(f"{what}: it waits", until(20, lambda: "the daemon waits for it" in d.stderr()) and d.proc.poll() is None, d.stderr())
    lock.free()
    tally.expect(f"{what}: and comes", until(15, d.ping), d.stderr())


# --- kill -9 while something waits ---
def replaced_and_killed(work, engine, one, two):
    """The rows of a replacement wait, and the daemon is killed. Its successor comes while the database is still held, is killed
    too, and the next one after it."""
    d, what, gate = Sessions(f"{work}/killed-{engine}", engine, []), f"{engine}: killed behind a switch", Gate(two)
    made.append(d)
    d.up()
    d.end()
    for link in (one.link, gate.link):
        d.xrat("add", link)
    d.up()
    d.connect_node(1)
    asked = Asked(lambda: d.connect_node(2))
    tally.expect(f"{what}: it is being proved", gate.came.wait(15))
    until(10, lambda: "connect_started" in d.events() and d.row(2)["engine_config_path"])
    lock = Lock(d)
    gate.is_open.set()
    reply = asked.answer()
    tally.expect(f"{what}: done though the database is held", reply["code"] == "ok" and d.status()["session_id"] == 2, reply)
    tally.expect(f"{what}: the rows do not know", [r["status"] for r in d.rows()] == ["running", "starting"], d.rows())
    for i in range(3):
        d.kill()
        if i == 1:
            lock.free()
        tally.expect(f"{what}: it starts again", d.up(), d.stderr())
        tally.expect(f"{what}: what runs is what is said, {i}", until(10, lambda: d.status()["runtime_status"] == "running") and
                     d.status()["session_id"] == 2 and until(10, lambda: page(d.port) == two.source), d.status(), page(d.port), d.stderr())
        tally.expect(f"{what}: one engine, {i}", until(10, lambda: list(d.engines()) == [d.status()["pid"]]), d.engines(), d.status())
    states = [r["status"] for r in d.rows()]
    tally.expect(f"{what}: the rows in the end", states[1] == "running" and states[0] in ("stopped", "failed"), d.rows())
    d.disconnect()
    left = [n for n in os.listdir(f"{d.root}/runtime") if n.endswith(".json")]
    tally.expect(f"{what}: no file is left", not left, left)
    gate.socket.close()


def dead_and_killed(work, _seconds, one, _two):
    d, what = new(work, "builtin", (one,), "dead-killed"), "killed behind a death"
    pid = d.connect_node(1)["payload"]["pid"]
    lock = Lock(d)
    os.kill(pid, signal.SIGKILL)
    d.is_in("failed")
    d.kill()
    tally.expect(f"{what}: it starts though the database is held", d.up(), d.stderr())
    s = d.status()
    tally.expect(f"{what}: status", s["runtime_status"] == "failed" and s["failure_reason"] and not s["pid_running"], s)
    lock.free()
    tally.expect(f"{what}: the row", until(5, lambda: d.row(1)["status"] == "failed") and d.row(1)["failure_reason"], d.row(1))
    at_rest(d, what)


class Flapping(threading.Thread):
    """Takes the lock again and again, for some time."""

    def __init__(self, d, chance):
        super().__init__()
        self.d, self.chance, self.over = d, chance, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(self.chance.random() / 10):
            lock = Lock(self.d)
            self.over.wait(self.chance.random() / 2)
            lock.free()

    def end(self):
        self.over.set()
        self.join()


def agrees(d):
    """Whether the database says what the daemon says."""
    s = d.status()
    live = [(r["id"], r["status"]) for r in d.rows() if r["status"] not in ("stopped", "failed")]
    return live == ([(s["session_id"], s["runtime_status"])] if s["runtime_status"] == "running" else [])


def flaps(work, engine, one, two):
    """Whatever it is doing, while the lock comes and goes, it is killed at any time. LOCKED_ROUNDS: how often."""
    d, what, chance = new(work, engine, (one, two), "flaps"), f"{engine}: killed at any time", random.Random(engine)
    acts = [lambda: d.connect_node(1), lambda: d.connect_node(2), d.disconnect, lambda: sesskill.kill_engine(d)]
    rounds, wrong, waited = int(os.environ.get("LOCKED_ROUNDS", "4")), 0, 0
    for n in range(rounds):
        flapping, end = Flapping(d, random.Random(n)), time.monotonic() + chance.random()
        act = threading.Thread(target=lambda: [killbed.ask(chance.choice(acts)) for _ in range(3) if time.monotonic() < end])
        act.start()
        until(2, lambda at=end: time.monotonic() >= at)
        rows = d.sql("SELECT count(*) AS n FROM runtime_sessions WHERE status IN ('starting', 'stopping')")[0]["n"]
        d.kill()
        act.join()
        waited += rows
        tally.expect(f"{what}: it starts again", d.up(), d.stderr())
        flapping.end()
        tally.expect(f"{what}: the rows follow", until(5, lambda: agrees(d)), n, d.status(), d.rows()[-3:], d.stderr())
        faults = [None]
        until(10, lambda: not faults.__setitem__(slice(None), killbed.untrue(d, {0, 1, 2})[1]) and not faults)
        wrong += bool(faults)
        tally.expect(f"{what}: what is said is true", not faults, n, [f[:300] for f in faults], [(r["id"], r["config_id"], r["status"], r["process_id"]) for r in d.rows()[-4:]], d.stderr())
    print(f"{what}: {rounds} kills while the lock came and went, {waited} rows half way, {wrong} untrue")


# --- a real one ---
def imports(work, _seconds, one, _two):
    """`xrat import` of 10,000 nodes."""
    d, what = new(work, "builtin", (one,), "imports"), "import of 10,000"
    with open(f"{work}/links", "w", encoding="utf-8") as f:
        f.writelines(f"socks://127.1.{i // 200}.{i % 200 + 1}:1080#node-{i}\n" for i in range(10000))
    pid = d.connect_node(1)["payload"]["pid"]
    asked, took = Asked(lambda: d.xrat("import", f"{work}/links")), []
    until(10, lambda: not asked.is_alive() or os.path.getsize(f"{d.db}-wal") > 1 << 20)  # in the middle of it
    os.kill(pid, signal.SIGKILL)
    while asked.is_alive() or len(took) < 50:
        seconds, s = seconds_of(d.status)
        took.append(seconds)
        time.sleep(0.002)
    code, out, err = asked.answer()
    tally.expect(f"{what}: imported", code == 0 and d.sql("SELECT count(*) AS n FROM configs")[0]["n"] == 10001, out, err)
    tally.expect(f"{what}: status is not held up", max(took) < SOON * SLOW, max(took))
    tally.expect(f"{what}: the session is known to have failed", s["runtime_status"] == "failed", s)
    tally.expect(f"{what}: and so is its row", until(5, lambda: d.row(1)["status"] == "failed"), d.row(1))
    print(f"{what} in {asked.took:.2f} s: {len(took)} status, slowest {max(took) * 1000:.1f} ms")
    at_rest(d, what)


def inner_sql(pid, path, text, args):
    """As Sessions.sql, of a database that only the daemon's mount namespace has."""
    script = ("import json, sqlite3, sys\ncon = sqlite3.connect(sys.argv[1], timeout=20)\ncon.row_factory = sqlite3.Row\n"
              "print(json.dumps([dict(r) for r in con.execute(sys.argv[2], json.loads(sys.argv[3]))]))")
    out = subprocess.run(["nsenter", "-m", "-t", str(pid), sys.executable, "-c", script, path, text, json.dumps(args)],
                         capture_output=True, check=True).stdout
    return json.loads(out)


def fills_up(work, _seconds, one, _two):
    """No room for the database: rows wait for it."""
    d, folder, what = new(work, "builtin", (one,), "fills-up"), f"{work}/small", "a full disk"
    d.end()
    os.makedirs(folder)
    with open(f"{d.root}/config.toml", "a", encoding="utf-8") as f:
        f.write(f'\n[database]\npath = "{folder}/xrat.db"\n')
    mount = 'mount -t tmpfs -o size=3m,mode=700 none "$0" && cp "$1" "$0/xrat.db" && shift && exec "$@"'
    wrap = ("unshare", "-m", "sh", "-c", mount, folder, d.db)
    if subprocess.run([*wrap, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        tally.skip(f"{what}: no tmpfs can be mounted here")
        return
    d.up(wrap=wrap)
    inside = f"/proc/{d.proc.pid}/root{folder}"
    d.sql = lambda text, *args: inner_sql(d.proc.pid, f"{folder}/xrat.db", text, args)
    d.connect_node(1)
    until(10, lambda: "session_proved" in d.events())
    with open(f"{inside}/filler", "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError as e:
            tally.expect(f"{what}: it is full", e.errno == errno.ENOSPC, e)
    d.ask(snake("proxy_status"))
    reply = d.disconnect()
    waits = until(3, lambda: "there is no room for the database" in d.stderr())
    tally.expect(f"{what}: the engine is ended, and the log says what waits", reply["code"] == "ok" and not d.engines() and waits, reply, d.stderr())
    tally.expect(f"{what}: the row does not say so", d.row(1)["status"] in ("running", "stopping") and d.status()["runtime_status"] == "stopped",
                 d.row(1), d.status())
    os.unlink(f"{inside}/filler")
    tally.expect(f"{what}: it does when there is room", until(5, lambda: d.row(1)["status"] == "stopped"), d.rows(), d.stderr())
    tally.expect(f"{what}: and the next connect works", d.connect_node(1)["code"] == "ok", d.stderr())
    at_rest(d, what)
    tally.expect(f"{what}: it stops", d.end() == 0, d.stderr())


SCENES = (dies, connects, disconnects, switches, rotates, restarts, stops)
OTHERS = (fills_up, takes_over, begins, dead_and_killed, imports)


def guarded(fn, *args):
    try:
        fn(*args)
    except Exception as e:  # one case must not take the others along
        tally.expect(f"{fn.__name__} {args[1]}: {e!r}", False, traceback.format_exc())


def main():
    missing = lacking()
    if missing:
        tally.skip(f"locked: {' and '.join(missing)} not installed")
        tally.finish()
    wanted = sys.argv[1:]
    jobs = [(fn, s) for fn in SCENES for s in (LONG, SHORT)] + [(fn, e) for fn in (replaced_and_killed, flaps) for e in ENGINES] + [(fn, 0) for fn in OTHERS]
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as work:
        nodes = Node(21), Node(22)
        threads = [threading.Thread(target=guarded, args=(fn, work, how, *nodes)) for fn, how in jobs
                   if not wanted or fn.__name__ in wanted]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for d in made:
            code = d.close()
            tally.expect(f"{d.root}: it ends well", code in (0, -signal.SIGKILL) and not
                         any(w in d.stderr() for w in ("Sanitizer", "runtime error", "left open")), code, d.stderr())
        for node in Node.made:
            node.end()
    print(f"status: slowest {slowest['held'] * 1000:.1f} ms while the database is held, {slowest['free'] * 1000:.1f} ms while it is not")
    tally.finish()


if __name__ == "__main__":
    main()
