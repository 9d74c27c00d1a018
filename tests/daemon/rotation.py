#!/usr/bin/env python3
"""Health and rotation as a user sees them: nodes that die, timers, rotation by hand, a network that is down, restarts; with
each engine. Words pick cases by name."""
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from dbed import SLOW, Tally, bed, get, snake, until

import sessbed
from sessbed import ENGINES, Node, Sessions, lacking, page

tally = Tally("rotation")
made = []
QUICK = "health_tick_secs = 1\n"
PROOF_SECS = 5  # for the next node: an engine that starts, and a request through it
ON = "enabled = true\nhealth_failure_threshold = 2\ncooldown_secs = 1\n"


class Rotating(Sessions):
    """Sessions, and what the rotation says of itself."""

    def kinds(self, source=None):
        rows = self.sql("SELECT source, kind FROM events ORDER BY id")
        return [e["kind"] for e in rows if source in (None, e["source"])]

    def rotated(self):
        """What proxy status says once a rotation has come to its end."""
        return until(20, lambda: (lambda p: p if p["last_result"] else None)(self.proxy())) or self.proxy()

    def close(self):
        code = super().close()
        tally.expect(f"{self.root}: the daemon ends in good order", code == 0, code, self.stderr())
        return code

    def comes_from(self, *nodes, seconds=30):
        """The source of the page once it is one of these."""
        wanted = {n.source for n in nodes}
        return until(seconds, lambda: (lambda got: got if got in wanted else None)(page(self.port)))


def new(work, engine, nodes, rotation=ON, runtime=QUICK, **more):
    d = Rotating(f"{work}/{engine}-{len(made)}", engine, [n if isinstance(n, str) else n.link for n in nodes], runtime=runtime,
                 rotation=rotation, **more)
    made.append(d)
    tally.expect(f"{engine}: the daemon starts", d.up(), d.stderr())
    return d


def nodes_of(*numbers):
    return [Node(n) for n in numbers]


class Hole:
    """Takes connections and says nothing, for ever."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.link = f"socks://127.0.0.1:{self.port}#hole"
        self.held = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.held.append(self.socket.accept()[0])
            except OSError:
                return


def serve(text):
    """A subscription's URL."""
    class Feed(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=invalid-name
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Feed)
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/feed"


# --- the whole story ---
def story(work, engine):
    """Import, test, connect, a page; the server dies, and pages flow again."""
    t, nodes = tally, nodes_of(11, 12, 13, 14, 15)
    d = Rotating(f"{work}/story-{engine}", engine, [], runtime=QUICK, rotation=ON)
    made.append(d)
    code, out, err = d.xrat("daemon", "start")
    if not t.expect(f"{engine}: the daemon starts", code == 0, out, err):
        return
    code, out, err = d.xrat("import", serve("\n".join(n.link for n in nodes)))
    t.expect(f"{engine}: a subscription of five", code == 0, out, err)
    code, out, err = d.xrat("--format", "json", "list")
    ids = {n["port"]: n["id"] for n in json.loads(out)["result"]["nodes"]}
    t.expect(f"{engine}: five are listed", sorted(ids) == sorted(n.port for n in nodes), out)
    code, out, err = d.xrat("test")
    t.expect(f"{engine}: tested", code == 0, out, err)
    first = nodes[2]
    code, out, err = d.xrat("connect", str(ids[first.port]))
    t.expect(f"{engine}: connected", code == 0, out, err)
    t.expect(f"{engine}: a page through it", d.comes_from(first), page(d.port))
    p = d.proxy()
    t.expect(f"{engine}: proxy status before", p["rotation_enabled"] and p["active_config_id"] == ids[first.port] and
             p["last_trigger"] is None and p["consecutive_health_failures"] == 0 and p["next_timer_epoch_secs"], p)
    t.expect(f"{engine}: health is looked at", until(20, lambda: d.proxy()["last_health_check_epoch_secs"]), d.proxy())
    first.end()
    begin = time.monotonic()
    now = d.comes_from(*(n for n in nodes if n is not first))
    t.expect(f"{engine}: pages flow again, from another node", now, d.stderr())
    took, failures = time.monotonic() - begin, d.proxy()["health_failure_threshold"]
    tick = int(re.search(r"health_tick_secs = (\d+)", d.runtime)[1])
    most = (failures + 1) * tick + PROOF_SECS
    t.expect(f"{engine}: within {failures} failures, a tick more and the proof of another", took <= most * SLOW, took, most)
    print(f"{engine}: {took:.1f} s from the death of the server to the next page (a probe every {tick} s, {failures} failures; "
          f"at most {most} s)")
    told(d, ids[first.port])


def told(d, dead):
    """What is told afterwards."""
    t, engine = tally, d.engine
    p = d.rotated()
    s = d.status()
    t.expect(f"{engine}: proxy status tells it", p["last_result"] == "replaced" and p["last_trigger"] == "health_check_failed" and
             p["last_candidate_result"] == "proved" and p["active_config_id"] == p["last_candidate_config_id"] != dead and
             not p["pending_health_recovery"] and p["consecutive_health_failures"] == 0, p)
    t.expect(f"{engine}: status tells it", s["active_config_id"] == p["active_config_id"] and s["runtime_status"] == "running", s)
    t.expect(f"{engine}: the row of the old session", d.row(1)["status"] == "stopped" and
             d.row(1)["last_transition_reason_code"], d.row(1))
    t.expect(f"{engine}: the dead node cools down", (d.cools(dead) or {}).get("failures") == 1, d.cools(dead))
    wanted = ["health_check_failed", "runtime_data_plane_failed", "rotation_begun", "node_cooldown", "rotation_candidate",
              "replace_commit_success", "rotation_done"]
    got = [k for k in d.kinds() if k in wanted]
    t.expect(f"{engine}: events tell it in order", [k for i, k in enumerate(got) if k not in got[:i]] == wanted, got)
    code, out, err = d.xrat("proxy", "status")
    t.expect(f"{engine}: in words", code == 0 and "health_check_failed: replaced" in out and "0 of 2 failures" in out, out, err)
    code, out, err = d.xrat("status")
    t.expect(f"{engine}: and xrat status", code == 0 and "running" in out, out, err)
    t.expect(f"{engine}: nobody is told a password of a probe", not re.search(r"socks5h://\w+:", d.stderr() + str(
        d.sql("SELECT message, detail FROM events"))))
    code, out, err = d.xrat("daemon", "stop")
    t.expect(f"{engine}: it stops", code == 0 and until(10, lambda: not d.engines()), out, err)


def stories(work):
    for engine in ENGINES:
        story(work, engine)


# --- the engine dies ---
def engine_dies(work):
    for engine in ENGINES:
        t, nodes = tally, nodes_of(21, 22, 23)
        d = new(work, engine, nodes, rotation=ON.replace("threshold = 2", "threshold = 50"), runtime="health_tick_secs = 3600\n")
        d.tested(1, 2, 3)
        pid = d.connect_node(1)["payload"]["pid"]
        begin = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        t.expect(f"{engine}: the engine is killed: the best of the others", d.comes_from(nodes[1], seconds=20), d.stderr())
        print(f"{engine}: {time.monotonic() - begin:.2f} s from the death of the engine to the next page")
        rows = d.rows()
        t.expect(f"{engine}: the session has failed", rows[0]["status"] == "failed" and rows[0]["failure_reason"], rows[0])
        t.expect(f"{engine}: its node cools", d.cools(1) and not d.cools(2), d.cools(1))
        p = d.rotated()
        t.expect(f"{engine}: proxy status", p["last_trigger"] == "health_check_failed" and p["active_config_id"] == 2, p)
        d.close()


def engine_dies_off(work):
    """Rotation is off: failed, and nothing follows; the user may still rotate."""
    t, nodes = tally, nodes_of(24, 25)
    d = new(work, "builtin", nodes, rotation="enabled = false\n")
    d.tested(1, 2)
    os.kill(d.connect_node(1)["payload"]["pid"], signal.SIGKILL)
    t.expect("off: failed", d.is_in("failed"), d.status())
    ticks(d, 2)
    t.expect("off: nothing follows", len(d.rows()) == 1 and not d.proxy()["pending_health_recovery"], d.rows())
    reply = d.replace()
    t.expect("off: by hand it goes on", reply["code"] == "ok" and reply["payload"]["new_config_id"] == 2 and
             reply["payload"]["old_session_id"] is None, reply)
    d.close()


def ticks(d, n):
    """Until a tick or two have passed: the daemon turned, and time went by."""
    end = time.monotonic() + n * 1.2
    until(n * 2, lambda: d.ping() and time.monotonic() > end)


# --- timer ---
def timer(work):
    for engine in ENGINES:
        t, nodes = tally, nodes_of(31, 32, 33)
        d = new(work, engine, nodes, rotation="enabled = true\ninterval_secs = 2\ncooldown_secs = 0\n")
        d.connect_node(3)
        p = d.proxy()
        t.expect(f"{engine}: the timer is told", abs(p["next_timer_epoch_secs"] - time.time()) <= 4, p)
        t.expect(f"{engine}: it goes to another node by itself", d.comes_from(nodes[0], nodes[1]), d.stderr())
        p = d.rotated()
        t.expect(f"{engine}: by timer", p["last_trigger"] == "timer", p)
        t.expect(f"{engine}: candidates were tested", d.sql("SELECT kind FROM connection_test_runs"), d.stderr())
        t.expect(f"{engine}: and again", until(40, lambda: d.kinds().count("rotation_done") >= 3), d.kinds("rotation"))
        reply = d.ask(snake("proxy_stop"))
        t.expect(f"{engine}: off", reply["payload"] == {"rotation_enabled": False} and
                 d.proxy()["next_timer_epoch_secs"] is None, reply)
        d.close()


# --- by hand ---
def by_hand(work):
    for engine in ENGINES:
        t, nodes = tally, nodes_of(41, 42, 43)
        d = new(work, engine, nodes, rotation="cooldown_secs = 300\n")
        t.expect(f"{engine}: nothing runs: not found", d.replace()["code"] == "not_found", d.replace())
        d.tested(1, 2, 3)
        d.connect_node(1)
        until_ms = int(time.time() * 1000) + 300000
        for n in (2, 3):
            d.sql("INSERT INTO cooldowns VALUES (?, 1, ?, ?, 'change-me')", n, until_ms, until_ms - 300000)
        reply = d.replace("timer")
        t.expect(f"{engine}: by timer nobody is eligible", reply["code"] == "not_found" and d.rows()[-1]["id"] == 1, reply)
        reply = d.replace()
        t.expect(f"{engine}: by hand the cooldown does not count", reply["code"] == "ok" and reply["payload"]["new_config_id"] == 2 and
                 reply["payload"]["old_session_id"] == 1 and reply["payload"]["trigger"] == "manual", reply)
        t.expect(f"{engine}: pages come from there", d.comes_from(nodes[1]), d.stderr())
        code, out, err = d.xrat("rotate", "now", "--id", "3")
        t.expect(f"{engine}: to a named one", code == 0 and d.comes_from(nodes[2]), out, err)
        reply = d.replace(candidate_id=3)
        t.expect(f"{engine}: not to itself", reply["code"] == "invalid_state", reply)
        reply = d.replace(candidate_id=99)
        t.expect(f"{engine}: no such node", reply["code"] == "not_found", reply)
        d.xrat("disable", "1")
        reply = d.replace(candidate_id=1)
        t.expect(f"{engine}: not a disabled one", reply["code"] == "not_found" and d.comes_from(nodes[2]), reply)
        nodes[0].end()
        d.xrat("enable", "1")
        reply = d.replace(candidate_id=1)
        t.expect(f"{engine}: one that is dead does not take over", reply["ok"] is False and d.comes_from(nodes[2]), reply)
        t.expect(f"{engine}: and cools down", d.cools(1), reply)
        t.expect(f"{engine}: status tells", d.proxy()["last_result"] == "candidates_failed" and
                 d.proxy()["last_candidate_result"].startswith("not_proved"), d.proxy())
        d.close()


# --- nobody works ---
def nobody(work):
    """Candidates take connections and serve nothing: the old one stays, and it is tried now and then."""
    t, node, holes = tally, nodes_of(51)[0], [Hole() for _ in range(4)]
    d = new(work, "builtin", [node, *holes], rotation=ON.replace("cooldown_secs = 1", "cooldown_secs = 5"))
    d.tested(2, 3, 4, 5)
    d.connect_node(1)
    t.expect("nobody: a page first", d.comes_from(node))
    node.end()
    t.expect("nobody: degraded", until(20, lambda: d.status()["runtime_status"] == "degraded"), d.status())
    t.expect("nobody: a rotation in vain", until(90, lambda: d.proxy()["last_result"] in ("candidates_failed", "no_candidate")), d.proxy())
    row = d.row(1)
    p = d.proxy()
    t.expect("nobody: the old one stays", row["status"] == "running" and p["active_config_id"] == 1 and p["pending_health_recovery"], row, p)
    t.expect("nobody: who failed cools down", len(d.sql("SELECT * FROM cooldowns")) >= 2, d.sql("SELECT * FROM cooldowns"))
    before, begin = cpu(d), time.monotonic()
    tries = d.kinds().count("rotation_begun")
    until(15, lambda: time.monotonic() - begin > 12)
    used, more = cpu(d) - before, d.kinds().count("rotation_begun") - tries
    t.expect("nobody: nothing spins", more <= 3 and used < 3 * SLOW, more, used)
    print(f"nobody: {more} more rotations in 12 s, {used:.2f} s of processor time")
    d.close()


def cpu(d):
    fields = (get(f"/proc/{d.proc.pid}/stat") or b"").rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_network(work):
    """None of the others takes a connection: it is the network, not the node."""
    t, nodes = tally, nodes_of(52, 53, 54)
    d = new(work, "builtin", nodes)
    d.tested(1, 2, 3)
    d.connect_node(1)
    d.comes_from(nodes[0])
    for n in nodes:
        n.end()
    t.expect("network: it is told", until(30, lambda: (d.proxy()["last_health_error"] or "").startswith("own network is down")), d.proxy())
    checks = d.proxy()["last_health_check_epoch_secs"]
    t.expect("network: looked at on", until(20, lambda: d.proxy()["last_health_check_epoch_secs"] > checks + 3))
    p = d.proxy()
    t.expect("network: nothing is counted and nothing rotates", p["consecutive_health_failures"] < 2 and p["last_result"] is None and
             len(d.rows()) == 1 and not d.cools(1), p, d.rows())
    t.expect("network: one event", d.kinds().count("own_network_down") == 1, d.kinds())
    again = subprocess.Popen(["microsocks", "-i", "127.0.0.1", "-p", str(nodes[0].port), "-b", nodes[0].source],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    t.expect("network: it is back", until(20, lambda: "own_network_up" in d.kinds()) and d.comes_from(nodes[0]), d.kinds())
    again.kill()
    again.wait()
    d.close()


def no_route(work):
    """In a network namespace of its own, with loopback alone: loopback nodes need no route, others are not blamed."""
    inside = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        tally.skip("no_route: network namespaces cannot be made here")
        return
    p = subprocess.run([*inside, sys.executable, __file__, "without_route"], capture_output=True, text=True, timeout=240 * SLOW, check=False)
    print(p.stdout.strip())
    tally.expect("no_route: inside", p.returncode == 0 and " 0 failed" in p.stdout, p.stdout, p.stderr)
    _ = work


def without_route(work):
    t, nodes = tally, nodes_of(55, 56)
    d = new(work, "builtin", [*nodes, "socks://192.0.2.1:1080#beyond"])
    d.tested(1, 2)
    d.connect_node(1)
    t.expect("no route: a page", d.comes_from(nodes[0]), d.stderr())
    nodes[0].end()
    t.expect("no route: loopback goes on", d.comes_from(nodes[1]), d.stderr(), d.proxy())
    d.rotated()
    d.disconnect()
    reply = d.connect_node(3)
    error = "own network is down: no default route"
    t.expect("no route: told of a node beyond", until(30, lambda: d.proxy()["last_health_error"] == error), d.proxy(), reply)
    p = d.proxy()
    t.expect("no route: it is not blamed", p["consecutive_health_failures"] == 0 and p["active_config_id"] == 3 and not d.cools(3), p)
    d.close()


# --- what outlives the daemon ---
def restarts(work):
    t, nodes = tally, nodes_of(61, 62)
    d = new(work, "builtin", nodes, rotation="enabled = false\ncooldown_secs = 60\ninterval_secs = 900\n"
            "health_failure_threshold = 100\n")
    d.tested(1, 2)
    d.connect_node(1)
    t.expect("restart: off as configured", d.proxy()["rotation_enabled"] is False and d.proxy()["next_timer_epoch_secs"] is None, d.proxy())
    code, out, err = d.xrat("rotate", "enable")
    before = d.proxy()
    t.expect("restart: switched on", code == 0 and before["rotation_enabled"] and before["next_timer_epoch_secs"], out, err, before)
    nodes[0].end()
    t.expect("restart: failures are counted", until(20, lambda: d.proxy()["consecutive_health_failures"] >= 2), d.proxy())
    for how, name in ((signal.SIGUSR2, "replaced in place"), (signal.SIGKILL, "killed")):
        was, failures = d.ping()["instance_id"], d.proxy()["consecutive_health_failures"]
        d.proc.send_signal(how)
        if how == signal.SIGKILL:
            d.proc.wait()
            d.up()
        else:
            until(20, lambda old=was: (d.ping() or {"instance_id": old})["instance_id"] != old)
        p = until(20, lambda: (lambda x: x if x["active_config_id"] else None)(d.proxy()))
        t.expect(f"restart: {name}: it is all there", p and p["rotation_enabled"] and
                 p["next_timer_epoch_secs"] == before["next_timer_epoch_secs"] and p["consecutive_health_failures"] >= failures, p, before)
        t.expect(f"restart: {name}: the same session", len(d.rows()) == 1, d.rows())
    t.expect("restart: degraded", d.is_in("degraded"), d.status())
    extra, d.extra = d.extra, d.extra + "\n[database]\npath = \"other.db\"\n"
    put_rotation(d, "enabled = false\ncooldown_secs = 60\ninterval_secs = 900\nhealth_failure_threshold = 2\n")
    t.expect("reload: the threshold counts at once", d.comes_from(nodes[1]), d.proxy(), d.stderr())
    t.expect("reload: another database waits for the next start", not os.path.exists(f"{d.root}/other.db") and
             "another database counts" in d.stderr(), d.stderr())
    d.extra = extra
    d.configure()
    p = d.rotated()
    t.expect("restart: the cooldown is told", p["cooldown_active"] and p["health_failure_threshold"] == 2, p)
    d.proc.kill()
    d.proc.wait()
    d.up()
    t.expect("restart: and kept", d.proxy()["cooldown_active"] and d.proxy()["last_result"] == "replaced", d.proxy())
    reply = d.replace("timer")
    t.expect("cooldown: not by timer now", reply["code"] == "invalid_state", reply)
    d.ask(snake("proxy_stop"))
    d.proc.kill()
    d.proc.wait()
    d.up()
    t.expect("restart: switched off stays off", d.proxy()["rotation_enabled"] is False, d.proxy())
    d.close()


def put_rotation(d, text):
    d.rotation = text
    d.configure()
    d.proc.send_signal(signal.SIGHUP)


def dies_alone(work):
    """Engine and daemon die together: the next daemon goes on with another node."""
    t, nodes = tally, nodes_of(71, 72)
    d = new(work, "builtin", nodes)
    d.tested(1, 2)
    pid = d.connect_node(1)["payload"]["pid"]
    d.kill()
    os.kill(pid, signal.SIGKILL)
    until(10, lambda: not d.engines())
    d.up()
    t.expect("both died: another node", d.comes_from(nodes[1]), d.stderr(), d.rows())
    t.expect("both died: the first has failed", d.row(1)["status"] == "failed", d.row(1))
    d.close()


# --- who comes between ---
def user_between(work):
    """A user who disconnects or connects while a rotation looks is obeyed."""
    t, nodes = tally, nodes_of(81, 82, 83)
    d = new(work, "builtin", [*nodes, *(Hole() for _ in range(4))], rotation="cooldown_secs = 60\n")
    d.connect_node(1)
    waiting = {}
    asking = threading.Thread(target=lambda: waiting.update(d.replace("timer")))  # tests seven nodes, four of them for 10 s
    asking.start()
    t.expect("between: it looks", until(10, lambda: "rotation_begun" in d.kinds()))
    busy = d.replace()
    t.expect("between: one at a time", busy["code"] == "busy", busy)
    reply = d.disconnect()
    t.expect("between: the user disconnects", reply["ok"], reply)
    asking.join(60 * SLOW)
    t.expect("between: it was called off", waiting.get("code") == "busy" and len(d.rows()) == 1 and not d.engines(), waiting, d.rows())
    d.close()


CASES = (stories, engine_dies, engine_dies_off, timer, by_hand, nobody, own_network, no_route, restarts, dies_alone, user_between)


def guarded(fn, work):
    try:
        fn(work)
    except Exception as e:  # one case must not take the others along
        tally.expect(f"{fn.__name__}: {e!r}", False, traceback.format_exc())


def main():
    wanted = sys.argv[1:]
    missing = lacking()
    if missing:
        tally.skip(f"rotation: {' and '.join(missing)} not installed")
        tally.finish()
    sessbed.web()
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as top:
        threads = []
        for fn in (*CASES, without_route):
            if fn.__name__ not in wanted if wanted else fn is without_route:
                continue
            os.makedirs(f"{top}/{fn.__name__}")
            threads.append(threading.Thread(target=guarded, args=(fn, f"{top}/{fn.__name__}")))
        for x in threads:
            x.start()
        for x in threads:
            x.join()
        for d in made:
            if d.proc is None or d.proc.returncode is None:
                d.xrat("daemon", "stop")
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
