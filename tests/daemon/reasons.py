#!/usr/bin/env python3
"""What a refusal means: each reason of the daemon by a real cause, with the exit code of the command, as text and as JSON, and
the codes of both dialects; what the commands make of it; every method's replies against the schema; every command's document.
Words pick cases by name."""
import json
import os
import select
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from dbed import ENV, SCHEMA, TOP, XRAT, bed, free_port, pascal, put, snake, until

import ipc
import sessbed
from reasonbed import CONNECT, DISCONNECT, EXITS, OUTPUT, REPLACE, Hole, dead, made, new, tally
from sessbed import Node, lacking, page


# --- the table ---
def table(_work):
    """The schemas, the page and this list say the same."""
    t = tally
    for name in ("Refusal", "refusal"):
        got = SCHEMA["definitions"][name]
        t.expect(f"{name}: has these reasons", set(got["properties"]["reason"]["enum"]) == set(EXITS) and "reason" in got["required"], got)
    got = OUTPUT.schema["definitions"]["error"]["properties"]["reason"]["enum"]
    t.expect("cli-output.schema.json: too", set(got) == set(EXITS), got)
    with open(f"{TOP}/docs/daemon.md", encoding="utf-8") as f:
        rows = re.findall(r"^\| ([a-z_, ]+) \| (\d) \| ", f.read(), re.M)
    page_of = {word: int(code) for words, code in rows for word in words.split(", ")}
    t.expect("docs/daemon.md: too, with their exit codes", page_of == EXITS, set(page_of.items()) ^ set(EXITS.items()))
    out = subprocess.run([XRAT, "schema", "ipc"], env=ENV, capture_output=True, check=False).stdout
    t.expect("xrat schema ipc prints it", json.loads(out) == SCHEMA)


def as_told(work):
    """A daemon of whatever version: its reason decides, else its code."""
    d = new(work, [], up=False)
    os.makedirs(f"{d.root}/runtime")
    server = socket.socket(socket.AF_UNIX)
    fd = os.open(f"{d.root}/runtime", os.O_DIRECTORY)
    server.bind(f"/proc/self/fd/{fd}/daemon.sock")
    server.listen()
    reply = {}

    def serve():
        while True:
            with server.accept()[0] as s:
                while not s.recv(65536).endswith(b"\n"):
                    pass
                s.sendall(json.dumps(reply).encode() + b"\n")

    threading.Thread(target=serve, daemon=True).start()
    codes = {"invalid_state": 4, "not_found": 7, "busy": 4, "internal_error": 3}
    rows = [({"code": c, "reason": r}, e) for r, e in EXITS.items() for c in ("invalid_state", "internal_error")]
    rows += [({"code": c, **more}, e) for c, e in codes.items() for more in ({}, {"reason": "tired"})]
    rows += [({"code": 400}, 2), ({"code": 404}, 7), ({"code": 409}, 4), ({"code": 500}, 3)]
    for members, wanted in rows:
        reply.clear()
        reply.update({"protocol_version": 1, "ok": False, "message": "because", "payload": None, **members})
        code, out, err = d.xrat("--format", "json", "connect", "1")
        error = d.document(members, err, "connect")["error"]
        reason = members.get("reason") if members.get("reason") in EXITS else None
        tally.expect(f"told {members}: exit {wanted}", code == wanted and not out and error["message"] == "because" and
                     error.get("reason") == reason, code, err)
    os.close(fd)


# --- what is asked for is not possible ---
def by_name(work):
    t, one = tally, Node(91)
    d = new(work, [one, Node(92), dead()])
    d.refused("no_session", "disconnect")
    d.told("no_session", DISCONNECT)
    d.refused("no_session", "rotate", "now")
    d.refused("no_session", "proxy", "rotate")
    d.refused("not_found", "connect", "99")
    d.told("not_found", CONNECT, config_id=99)
    d.refused("not_found", "connect", "ffff00")
    d.sql("UPDATE configs SET ref = '7' || substr(ref, 2) WHERE id = 2")  # few digits are a number
    for words in (("connect", "7"), ("rotate", "now", "--id", "7")):
        d.refused("not_found", *words)
    d.told("not_found", CONNECT, config_id=7)
    t.expect("connect 7: nothing was begun", not d.rows() and not d.engines(), d.rows())
    d.refused("argument", "connect", "")
    d.refused("argument", "connect", "a" * 65)
    d.told("argument", CONNECT, config_ref="a" * 65)
    d.sql("UPDATE configs SET ref = 'abcdef00000' || id")
    for words in (("connect", "abcdef"), ("rotate", "now", "--id", "abcdef")):
        d.refused("ambiguous_ref", *words)
    d.told("ambiguous_ref", CONNECT, config_ref="abcdef")
    d.told("ambiguous_ref", REPLACE, trigger="manual", candidate_ref="abcdef")
    d.xrat("disable", "3")
    d.refused("disabled", "connect", "3", says="xrat enable 3")
    d.told("disabled", CONNECT, config_id=3)
    d.begins(1)
    d.refused("disabled", "rotate", "now", "--id", "3")
    d.refused("same_node", "rotate", "now", "--id", "1")
    d.told("same_node", REPLACE, trigger="manual", candidate_id=1)
    d.xrat("disable", "2")
    d.refused("no_candidate", "rotate", "now")
    d.told("no_candidate", REPLACE, trigger="manual")
    d.xrat("enable", "2")
    d.again(runtime="replace_active_session = false")
    d.refused("session_active", "connect", "2", says="replace_active_session")
    d.told("session_active", CONNECT, config_id=2)
    d.refused("session_active", "proxy", "rotate", "--id", "2")
    for line in (json.dumps({**snake("daemon_ping"), "protocol_version": 2}), json.dumps(pascal("Nothing")), "nonsense"):
        reply = json.loads(d.raw(line.encode() + b"\n"))
        t.expect("protocol", reply["code"] in (400, "invalid_state") and reply["reason"] == "protocol", reply)
    t.expect("nothing of that reached the session", page(d.port) == one.source and len(d.rows()) == 1, d.rows())


def config(work):
    """A broken config.toml is not a busy daemon; nor does a node cool down for it."""
    d = new(work, [Node(93), Node(94)])
    good = d.extra
    d.extra = "[nonsense\n"
    d.configure()
    d.refused("config", "connect", "1", says="config.toml:")
    d.told("config", CONNECT, config_id=1)
    d.refused("config", "daemon", "restart", says="config.toml")
    for request, code in ((pascal("DaemonRestart"), 409), (snake("daemon_restart"), "invalid_state")):
        reply = d.ask(request)
        tally.expect("config: the code of a restart", reply["code"] == code and reply["reason"] == "config", reply)
    d.extra = good
    d.configure()
    d.begins(1)
    d.extra = "[nonsense\n"
    d.configure()
    d.refused("config", "connect", "2")
    d.refused("config", "rotate", "now", "--id", "2")
    d.told("config", REPLACE, trigger="manual", candidate_id=2)
    tally.expect("config: no node cools down for it", not d.sql("SELECT * FROM cooldowns"), d.sql("SELECT * FROM cooldowns"))
    d.extra = "[runtime.rotation]\ninterval_secs = 0\n"
    d.rotation = ""
    d.configure()
    d.refused("config", "connect", "2")


def unusable(work):
    """The node cannot be compiled, the checker refuses it, the engine is not there, the system refuses."""
    d = new(work, [Node(95), f"trojan://change-me@127.0.0.1:{free_port()}?security=tls&sni=a.example#t"])
    d.refused("node", "connect", "2", says="XR")
    d.told("node", CONNECT, config_id=2)
    d.begins(1)
    d.refused("node", "connect", "2")
    d.told("node", REPLACE, trigger="manual", candidate_id=2)
    d.disconnect()
    checker = f"{work}/checker"
    with open(checker, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\necho 'I do not like it' >&2\nexit 23\n")
    os.chmod(checker, 0o755)
    d.again(engine="v2ray", extra=f"[paths]\nv2ray = \"{checker}\"\n")
    d.refused("node", "connect", "1", says="I do not like it")
    d.again(extra="[paths]\nv2ray = \"/nonexistent/v2ray\"\n")
    d.refused("no_engine", "connect", "1", says="[paths] v2ray names '/nonexistent/v2ray'")
    d.told("no_engine", CONNECT, config_id=1)
    d.again(engine="builtin")
    at = d.rows()[-1]["id"]
    for i in range(1, 5):  # in the place of the next sessions' files
        os.mkdir(f"{d.root}/runtime/session-{at + i}.json")
    d.refused("system", "connect", "1")
    d.told("system", CONNECT, config_id=1)


def engine_dies(work):
    """The port is somebody else's: nothing ran before, or what did runs again. A dead node: the same."""
    t, one = tally, Node(96)
    d = new(work, [one, dead()])
    mine = d.port
    with socket.create_server(("127.0.0.1", 0)) as s:
        d.configure(s.getsockname()[1])
        d.refused("engine", "connect", "1")
        d.told("engine", CONNECT, config_id=1)
        d.configure(mine)
        d.begins(1)
        d.configure(s.getsockname()[1])
        d.refused("kept_old", "connect", "1", says="runs again", only_json=True)
        d.told("kept_old", CONNECT, config_id=1)
    d.configure(mine)
    d.refused("kept_old", "connect", "2")
    d.told("kept_old", CONNECT, config_id=2)
    d.refused("kept_old", "rotate", "now", "--id", "2")
    d.told("kept_old", REPLACE, trigger="manual", candidate_id=2)
    t.expect("kept_old: and so it does", until(5, lambda: page(d.port) == one.source), d.status())
    os.kill(d.status()["pid"], signal.SIGKILL)
    t.expect("the engine is dead", d.is_in("failed"), d.status())
    now = int(time.time() * 1000)  # it was good lately; a user's own first connect is not proved, so that is not it
    d.sql("INSERT INTO connection_test_runs (id, kind, created_at) VALUES (9, 'test', ?)", now)
    d.sql("INSERT INTO connection_tests (run_id, config_id, attempt, tcp_ok, tcp_ms, real_delay_ok, real_delay_ms, tested_at)"
          " VALUES (9, 2, 1, 1, 1, 1, 1, ?)", now)
    d.told("not_proved", REPLACE, before=lambda: d.sql("DELETE FROM cooldowns"), trigger="health_check_failed")


def lost(work):
    """An engine that starts no more on the configured ports: neither the new one comes nor the old one back."""
    program = f"{work}/v2ray"
    with open(program, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\ncase \" $* \" in\n*' -test '* | *' -version '* | *-proof.json*) ;;\n"
                f"*) [ ! -e {program}.dead ] || exit 1 ;;\nesac\nexec v2ray \"$@\"\n")
    os.chmod(program, 0o755)
    d = new(work, [Node(97), Node(98)], engine="v2ray", more=f"[paths]\nv2ray = \"{program}\"\n")
    d.begins(1)
    put(f"{program}.dead", "")
    d.refused("lost", "connect", "2", only_json=True)
    tally.expect("lost: nothing runs", d.is_in("failed") and not d.engines(), d.status(), d.stderr())


# --- not now ---
def asks(d, *words):
    return subprocess.Popen([XRAT, "--root", d.root, "--format", "json", *words], env=ENV, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answered(d, reason, p, *words):
    out, err = p.communicate(timeout=60)
    d.is_refusal(reason, words, p.returncode, out, err)


def not_now(work):
    hole = Hole()
    d = new(work, [Node(99), hole.link], engine="v2ray")
    d.begins(1)
    waits = asks(d, "connect", "2")
    tally.expect("a connect is under way, up to its request", until(10, lambda: select.select([hole.socket], [], [], 0)[0]), d.rows())
    d.refused("busy", "connect", "1")
    d.proc.send_signal(signal.SIGUSR2)
    until(10, lambda: "is replaced by" in d.stderr())
    for words in (("connect", "1"), ("proxy", "stop"), ("daemon", "restart")):  # it has 10 s until it calls things off
        d.refused("restarting", *words)
    d.proc.send_signal(signal.SIGTERM)
    answered(d, "stopping", waits, "connect", "2")
    hole.socket.close()


def called_off(work):
    """A user who disconnects while a rotation looks."""
    holes = [Hole() for _ in range(3)]
    d = new(work, [Node(100), *(h.link for h in holes)])
    d.begins(1)
    waits = asks(d, "rotate", "now")
    tally.expect("a rotation looks", until(10, lambda: "rotation_begun" in d.events()))
    d.refused("busy", "rotate", "now")
    d.result("disconnect")
    answered(d, "cancelled", waits, "rotate", "now")


def cools(work):
    d = new(work, [Node(101), Node(102)], rotation="cooldown_secs = 300\n")
    d.begins(1)
    reply = d.ask(snake("runtime_replace", trigger="timer"), timeout=60)
    tally.expect("cooling: the first is good", reply["ok"], reply, d.stderr())
    d.told("cooling", REPLACE, trigger="timer")


def locked(work):
    d = new(work, [Node(103)])
    con = sqlite3.connect(d.db, isolation_level=None)
    con.execute("BEGIN IMMEDIATE")
    d.refused("locked", "connect", "1", only_json=True)
    con.execute("ROLLBACK")
    con.close()
    d.begins(1)


# --- every method, in both dialects ---
def replies(work):
    """Success and refusal of each, held against the schema."""
    t, d = tally, new(work, [Node(104), Node(105)], up=False)
    put(f"{d.root}/xp2p-client.toml", bed.TOML.format(note="", port=free_port(), more=""))
    for dialect in (0, 1):
        t.expect("replies: the daemon starts", d.up(), d.stderr())

        def ask(names, ok, reason=None, d=d, dialect=dialect, version=1, **fields):
            kind = names[dialect]
            request = snake(kind, **fields) if dialect else pascal(kind, fields or None)
            reply = d.ask({**request, "protocol_version": version}, timeout=60)
            ipc.check_reply(t, kind, reply, kind, dialect)
            t.expect(f"{kind}: {'done' if ok else reason}", reply["ok"] is ok and reply.get("reason") == reason and
                     (reply["payload"] is None) != ok, reply, d.stderr())
            return reply

        def named(what):
            return next((b, s) for b, s in METHODS if s == what)

        manual = ("Manual", "manual")[dialect]
        for names in METHODS:
            ask(names, False, "protocol", version=2, **FIELDS.get(names[1], {}))
        for what in ("daemon_ping", "runtime_status", "proxy_start", "proxy_status", "proxy_stop", "apply_status"):
            ask(named(what), True)
        roles = ask(named("apply_request"), True)["payload"]["requests"]
        t.expect("apply_request: the role is queued", [r["role"] for r in roles] == ["client"], roles)
        ask(named("apply_request"), False, "not_found", role=("Server", "server")[dialect])
        ask(named("runtime_disconnect"), False, "no_session")
        ask(named("runtime_replace"), False, "no_session", trigger=manual)
        ask(named("runtime_connect"), False, "not_found", config_id=77)
        ask(named("runtime_connect"), True, config_id=1)
        ask(named("runtime_connect"), True, config_id=2)
        ask(named("runtime_replace"), True, trigger=manual, candidate_id=1)
        ask(named("runtime_status"), True)
        ask(named("runtime_disconnect"), True)
        d.extra = "[nonsense\n"
        d.configure()
        ask(named("daemon_restart"), False, "config")
        d.extra = ""
        d.configure()
        before = ask(named("daemon_restart"), True)["payload"]["instance_id"]
        t.expect("daemon_restart: it is another run", until(20, lambda old=before: (d.ping() or {}).get("instance_id", old) != old), d.stderr())
        ask(named("daemon_shutdown"), True)
        t.expect("daemon_shutdown: it ends", d.proc.wait(30) == 0, d.stderr())


METHODS = (
    ("DaemonPing", "daemon_ping"), ("DaemonShutdown", "daemon_shutdown"), ("DaemonRestart", "daemon_restart"),
    ("RuntimeStatus", "runtime_status"), CONNECT, REPLACE, DISCONNECT, ("ProxyStart", "proxy_start"), ("ProxyStatus", "proxy_status"),
    ("ProxyStop", "proxy_stop"), ("ApplyRequest", "apply_request"), ("ApplyStatus", "apply_status"))
FIELDS = {"runtime_connect": {"config_id": 1}, "runtime_replace": {"trigger": "manual"}}


# --- every command's document ---
def documents(work):
    t, nodes = tally, [Node(106), Node(107)]
    d = new(work, [], up=False)
    d.document("daemon status", d.xrat("--format", "json", "daemon", "status")[2], "daemon")
    d.result("daemon", "start")
    links = f"{work}/links"
    put(links, "".join(n.link + "\n" for n in nodes))
    t.expect("import", d.result("import", links, "--name", "feed")["new"] == 2)
    t.expect("update", d.result("update")["subscriptions"][0]["outcome"] == "updated")
    for words in (("list",), ("list", "subscriptions"), ("show", "1"), ("show", "subscription", "1"), ("status",),
                  ("proxy", "status"), ("proxy", "stop"), ("proxy", "start"), ("rotate", "disable"), ("rotate", "status"),
                  ("rotate", "enable"), ("daemon", "status"), ("daemon", "install", "--user", "--dry-run")):
        d.result(*words)
    t.expect("test", d.result("test")["summary"]["passed"] == 2)
    t.expect("connect", d.result("connect", "1")["replaced_session_id"] is None)
    t.expect("connect, another", d.result("connect", "2")["replaced_session_id"] == 1)
    t.expect("status", d.result("status")["session"]["runtime_status"] == "running")
    t.expect("rotate now", d.result("rotate", "now", "--id", "1")["new_config_id"] == 1)
    t.expect("proxy rotate", d.result("proxy", "rotate")["new_config_id"] == 2)
    t.expect("proxy status", d.result("proxy", "status")["last_result"] == "replaced")
    t.expect("list: the active one", [n["active"] for n in d.result("list")["nodes"]] == [False, True])
    d.result("daemon", "restart")
    t.expect("disconnect", d.result("disconnect")["stopped_session"] is True)
    d.document("daemon start", d.xrat("--format", "json", "daemon", "start")[2], "daemon")
    for words in (("show", "99"), ("test", "99"), ("export", "99"), ("update", "99"), ("import", "/nonexistent"), ("list", "nothing"),
                  ("rotate", "nothing"), ("daemon", "nothing")):
        code, out, err = d.xrat("--format", "json", *words)
        t.expect(f"{words}: fails with an error alone", code and not out and "error" in d.document(words, err, words[0]), code, out, err)
    code, out, err = d.xrat("--format", "json", "export")
    t.expect("export: the nodes themselves", code == 0 and [n["port"] for n in json.loads(out)] == [n.port for n in nodes], out, err)
    t.expect("daemon stop", d.result("daemon", "stop")["daemon_ready"] is False)
    for words in (("connect", "1"), ("disconnect",), ("proxy", "status"), ("rotate", "now"), ("daemon", "restart"), ("daemon", "stop")):
        code, out, err = d.xrat("--format", "json", *words)
        error = d.document(words, err, words[0])["error"]
        t.expect(f"{words}: no daemon", code == 6 and not out and error["code"] == "daemon_unreachable" and "reason" not in error, err)


CASES = (table, as_told, by_name, config, unusable, engine_dies, lost, not_now, called_off, cools, locked, replies, documents)


def guarded(fn, work):
    begin = time.monotonic()
    try:
        fn(work)
    except Exception as e:  # one case must not take the others along
        tally.expect(f"{fn.__name__}: {e!r}", False, traceback.format_exc())
    print(f"{fn.__name__}: {time.monotonic() - begin:.1f} s")


def main():
    wanted = sys.argv[1:]
    missing = lacking()
    if missing:
        tally.skip(f"reasons: {' and '.join(missing)} not installed")
        tally.finish()
    sessbed.web()
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as top:
        threads = []
        for fn in CASES:
            if not wanted or fn.__name__ in wanted:
                os.makedirs(f"{top}/{fn.__name__}")
                threads.append(threading.Thread(target=guarded, args=(fn, f"{top}/{fn.__name__}"), daemon=True))
        for x in threads:
            x.start()
        for x in threads:
            x.join()
        for d in made:
            code = d.close()
            tally.expect(f"{d.root}: it ends well", code == 0, code, d.stderr())
        for n in Node.made:
            n.end()
        left = bed.process_of(top)
        tally.expect("nothing is left running", not left, left)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    tally.finish()


if __name__ == "__main__":
    main()
