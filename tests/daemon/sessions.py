#!/usr/bin/env python3
"""Sessions as a user and as a machine sees them; words pick cases by name."""
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from dbed import SLOW, Tally, free_port, get, seconds_of, snake, until

import sesscancel
import sesskill
import sesslogs
from sessbed import ENGINES, PASSWORD, Node, SecretNode, Sessions, Stranger, Traffic, lacking, page

tally = Tally("sessions")
made = []


def new(work, engine, nodes, **more):
    d = Sessions(f"{work}/{engine}-{len(made)}", engine, [n if isinstance(n, str) else n.link for n in nodes], **more)
    made.append(d)
    tally.expect(f"{engine}: the daemon starts", d.up(), d.stderr())
    return d


def dead_node():
    return f"socks://127.0.0.1:{free_port()}#dead"


def same(d, n, node, what):
    tally.expect(f"{d.engine}: {what}", until(5, lambda: page(d.port) == node.source), page(d.port), d.stderr())
    tally.expect(f"{d.engine}: {what}: its row is running", d.row(n)["status"] == "running", d.row(n))


# --- one session ---
def life(work, engine, one, two):
    t, d = tally, new(work, engine, (one, two))
    t.expect(f"{engine}: nothing to disconnect", d.disconnect()["code"] == "not_found")
    t.expect(f"{engine}: no such node", d.connect_node(77)["code"] == "not_found")
    t.expect(f"{engine}: no status yet", d.status()["runtime_status"] == "none", d.status())
    reply = d.connect_node(1)
    p = reply["payload"]
    t.expect(f"{engine}: connected", reply["code"] == "ok" and p["config_id"] == 1 and p["engine"] == engine, reply, d.stderr())
    t.expect(f"{engine}: it says where", p["inbounds"][0]["port"] == d.port and p["inbounds"][0]["kind"] == "socks", p)
    same(d, 1, one, "a page through the node")
    row, pid = d.row(1), p["pid"]
    t.expect(f"{engine}: the row has its process", row["process_id"] == pid and row["process_start_ticks"] and row["executable_inode"]
             and row["boot_id"] == get("/proc/sys/kernel/random/boot_id").decode().strip(), row)
    t.expect(f"{engine}: and the rest", row["owner_kind"] == "daemon" and row["owner_instance_id"] == d.ping()["instance_id"] and
             row["engine"] == engine and row["started_at"] and row["socks_port"] == d.port and row["http_port"] is None, row)
    t.expect(f"{engine}: its file is private", os.stat(row["engine_config_path"]).st_mode & 0o777 == 0o600)
    t.expect(f"{engine}: its logs are there", all(os.path.exists(f"{d.root}/runtime/session-1.{n}.log") for n in ("out", "err")))
    s = d.status()
    t.expect(f"{engine}: status", s["runtime_status"] == "running" and s["runtime_owned"] and s["pid_running"] and s["pid"] == pid and
             s["name"] == "node-" + one.source.rsplit(".", 1)[1] and s["inbounds"][0]["state"] == "reachable", s)
    os.kill(pid, signal.SIGSTOP)
    t.expect(f"{engine}: a stopped one is unreachable", until(10, lambda: d.status()["inbounds"][0]["state"] == "unreachable"), d.status())
    os.kill(pid, signal.SIGCONT)
    t.expect(f"{engine}: and reachable again", until(10, lambda: d.status()["inbounds"][0]["state"] == "reachable"), d.status())
    reply = d.disconnect()
    t.expect(f"{engine}: disconnected", reply["payload"] == {"stopped_session": True, "session_id": 1, "outcome": "Terminated"}, reply)
    t.expect(f"{engine}: it has ended", not d.engines() and d.row(1)["status"] == "stopped" and d.row(1)["stopped_at"], d.row(1))
    t.expect(f"{engine}: its file is gone, its logs are not", not os.path.exists(row["engine_config_path"]) and
             os.path.exists(f"{d.root}/runtime/session-1.err.log") and os.path.exists(sesslogs.opened(d, 1, "access")))
    t.expect(f"{engine}: status says so", d.status()["runtime_status"] == "stopped" and not d.status()["pid_running"], d.status())
    kinds = d.events()
    t.expect(f"{engine}: events tell it", {"connect_started", "session_running", "session_stopped"} <= set(kinds), kinds)


def replaced(work, engine, one, two):
    """50 requests a second during five replacements."""
    t, d = tally, new(work, engine, (one, two))
    pids = [d.connect_node(1)["payload"]["pid"]]
    traffic, gaps = Traffic(d.port), []
    traffic.more(20)
    for i in range(5):
        node = (two, one)[i % 2]
        reply = d.connect_node(2 - i % 2)
        t.expect(f"{engine}: replaced", reply["code"] == "ok" and reply["payload"]["replaced_session_id"] == i + 1, reply, d.stderr())
        pids.append(reply["payload"]["pid"])
        gaps.append(reply["message"])
        traffic.more(25)
        same(d, i + 2, node, "the other node has it")
    done, failed = traffic.end()
    rows = d.rows()
    t.expect(f"{engine}: the rows tell it", [r["status"] for r in rows] == ["stopped"] * 5 + ["running"], rows)
    t.expect(f"{engine}: one engine alone", len(d.engines()) == 1, d.engines())
    left = [n for n in os.listdir(f"{d.root}/runtime") if n.endswith(".json")]
    t.expect(f"{engine}: one file alone", len(left) == 1, left)
    if engine == "builtin":
        t.expect("builtin: 5 replacements under load: 0 failures", not failed, failed[:5])
        t.expect("builtin: the same process", len(set(pids)) == 1, pids)
        t.expect("builtin: it keeps its file", {r["engine_config_path"] for r in rows} == {f"{d.root}/runtime/session-1.json"}, rows)
    else:
        t.expect(f"{engine}: each has its process", len(set(pids)) == 6, pids)
        t.expect(f"{engine}: the gap is told", all("did not answer for" in g for g in gaps), gaps)
    print(f"{engine}: 5 replacements under 50 requests a second: {len(failed)} of {done + len(failed)} failed; {'; '.join(gaps)}")


def kept(work, engine, one, two):
    """What cannot be proved, or does not come, leaves what runs."""
    t, d = tally, new(work, engine, (one, dead_node(), two))
    pid = d.connect_node(1)["payload"]["pid"]
    traffic = Traffic(d.port)
    traffic.more(10)
    reply = d.connect_node(2)
    t.expect(f"{engine}: a dead node is refused", reply["code"] == "invalid_state" and "no request went through it" in reply["message"], reply)
    traffic.more(10)
    done, failed = traffic.end()
    t.expect(f"{engine}: nobody notices", done and not failed, failed[:5])
    same(d, 1, one, "the old one is untouched")
    t.expect(f"{engine}: by the same process", list(d.engines()) == [pid], d.engines())
    t.expect(f"{engine}: the new row has failed, with its reason", d.row(2)["status"] == "failed" and
             "no request" in d.row(2)["failure_reason"], d.row(2))
    with socket.socket() as s:  # the port of the next one is somebody else's
        s.bind(("127.0.0.1", 0))
        s.listen()
        d.configure(s.getsockname()[1])
        reply = d.connect_node(3)
        t.expect(f"{engine}: a port that is taken", reply["code"] == "invalid_state", reply)
    same(d, 1, one, "the old one runs again")
    t.expect(f"{engine}: only it", len(d.engines()) == 1 and d.row(1)["process_id"] in d.engines(), d.engines(), d.row(1))
    t.expect(f"{engine}: the third has failed", d.row(3)["status"] == "failed" and d.row(3)["failure_reason"], d.row(3))
    print(f"{engine}: {reply['message']}")
    d.configure()
    d.connect_node(3)
    same(d, 4, two, "and the next connect works")


def settings(work, one, two):
    t = tally
    d = new(work, "builtin", (one, two), runtime="replace_active_session = false\ncleanup = false\n", more="[runtime.log]\nkeep = false\n")
    d.connect_node(1)
    reply = d.connect_node(2)
    t.expect("replace_active_session = false: busy", reply["code"] == "busy" and "replace_active_session" in reply["message"], reply)
    d.configure(free_port())
    d.proc.send_signal(signal.SIGHUP)
    t.expect("a reload says that listeners stay", until(10, lambda: "counts from the next connect" in d.stderr()), d.stderr())
    same(d, 1, one, "and so they do")
    d.disconnect()
    left = os.listdir(f"{d.root}/runtime") + os.listdir(f"{d.root}/logs")
    t.expect("cleanup = false keeps the file, keep = false no log", [n for n in left if n.startswith("session-")] == ["session-1.json"], left)
    d.runtime = "replace_active_session = true"
    d.configure()
    d.proc.send_signal(signal.SIGHUP)
    t.expect("read again", until(10, lambda: d.stderr().count("was read again") == 2))
    d.connect_node(1)
    asks = [threading.Thread(target=d.connect_node, args=(2,)) for _ in range(2)]
    replies = []
    asks = [threading.Thread(target=lambda: replies.append(d.connect_node(2))) for _ in range(2)]
    for a in asks:
        a.start()
    for a in asks:
        a.join()
    t.expect("two at a time: one is busy", sorted(r["code"] for r in replies) == ["busy", "ok"], replies)


def families(work, one, two):
    """From one engine to the other and back."""
    t, d = tally, new(work, "builtin", (one, two))
    d.connect_node(1)
    for n, engine, node in ((2, "v2ray", two), (1, "builtin", one)):
        d.engine = engine
        d.configure()
        reply = d.connect_node(n)
        t.expect(f"to {engine}", reply["code"] == "ok" and reply["payload"]["engine"] == engine, reply, d.stderr())
        t.expect(f"to {engine}: it serves", until(5, lambda want=node: page(d.port) == want.source))
        t.expect(f"to {engine}: alone", len(d.engines()) == 1, d.engines())


def refused(work, one, _two):
    t, d = tally, new(work, "sing-box", (one,))
    reply = d.connect_node(1)
    t.expect("sing-box is refused", "XR646" in reply["message"] and reply["code"] == "invalid_state", reply)
    d.engine = "v2ray"
    d.extra = "[paths]\nv2ray = \"/nonexistent/v2ray\"\n"
    d.configure()
    reply = d.connect_node(1)
    t.expect("no program", reply["code"] == "internal_error" and "v2ray" in reply["message"], reply)
    checker = f"{work}/checker"
    with open(checker, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\necho 'I do not like it' >&2\nexit 23\n")
    os.chmod(checker, 0o755)
    d.extra = f"[paths]\nv2ray = \"{checker}\"\n"
    d.configure()
    reply = d.connect_node(1)
    t.expect("its checker refuses", reply["code"] == "invalid_state" and "I do not like it" in reply["message"], reply)
    with open(f"{d.root}/config.toml", "a", encoding="utf-8") as f:
        f.write("[nonsense\n")
    reply = d.connect_node(1)
    t.expect("a broken config.toml, with its place", reply["code"] == "invalid_state" and "config.toml:" in reply["message"], reply)
    d.engine, d.extra = "auto", ""
    d.configure()
    d.sql("UPDATE configs SET is_enabled = 0")
    reply = d.connect_node(1)
    t.expect("a disabled node", reply["code"] == "not_found" and "disabled" in reply["message"], reply)
    d.sql("UPDATE configs SET is_enabled = 1")
    reply = d.connect_node(1)
    t.expect("auto", reply["code"] == "ok" and reply["payload"]["engine"] in ("xray", "v2ray"), reply, d.stderr())
    t.expect("each try has its row", [r["status"] for r in d.rows()] == ["failed"] * 4 + ["running"], d.rows())
    t.expect("no file is left of them", [n for n in os.listdir(f"{d.root}/runtime") if n.endswith(".json")] == ["session-5.json"])


# --- the daemon goes and comes ---
def survives(work, engine, one, two):
    """50 requests a second while the daemon is killed, started, replaced."""
    t, d = tally, new(work, engine, (one, two))
    pid = d.connect_node(1)["payload"]["pid"]
    traffic = Traffic(d.port)
    traffic.more(10)
    for _ in range(3):
        d.kill()
        traffic.more(10)
        t.expect(f"{engine}: started again", d.up(), d.stderr())
        s = d.status()
        t.expect(f"{engine}: kill -9: reattached", s["runtime_status"] == "running" and s["pid"] == pid and s["runtime_owned"], s, d.stderr())
        traffic.more(10)
    before = d.ping()["instance_id"]
    d.proc.send_signal(signal.SIGUSR2)
    t.expect(f"{engine}: replaced by its successor", until(15, lambda: (d.ping() or {}).get("instance_id", before) != before), d.stderr())
    t.expect(f"{engine}: re-exec: reattached", d.status()["pid"] == pid, d.status())
    traffic.more(20)
    done, failed = traffic.end()
    t.expect(f"{engine}: 3 kills and a re-exec: 0 failures", done and not failed, failed[:5])
    print(f"{engine}: daemon killed 3 times and replaced once: {len(failed)} of {done + len(failed)} requests failed")
    reply = d.connect_node(2)
    t.expect(f"{engine}: an adopted one is replaced", reply["code"] == "ok", reply, d.stderr())
    same(d, 2, two, "after the adoption")
    if engine == "builtin":
        t.expect("builtin: without another process", reply["payload"]["pid"] == pid, reply)
    reply = d.ask(snake("daemon_shutdown"), timeout=20)
    t.expect(f"{engine}: stop ends the session and says so", reply["payload"]["runtime_disconnected"], reply)
    d.proc.wait(20)
    t.expect(f"{engine}: nothing is left", not d.engines() and d.row(2)["status"] == "stopped", d.engines(), d.row(2))


def dies(work, engine, one, _two):
    t, d = tally, new(work, engine, (one,))
    pid = d.connect_node(1)["payload"]["pid"]
    os.kill(pid, signal.SIGKILL)
    took, _ = seconds_of(lambda: d.is_in("failed"))
    s = d.status()
    t.expect(f"{engine}: an engine that was killed: failed at once", s["runtime_status"] == "failed" and took < SLOW, took, s)
    t.expect(f"{engine}: with the reason", "SIGKILL" in s["failure_reason"] and "SIGKILL" in d.row(1)["failure_reason"], s)
    t.expect(f"{engine}: it is not started again", d.disconnect()["code"] == "not_found" and not d.engines())
    pid = d.connect_node(1)["payload"]["pid"]
    d.kill()
    os.kill(pid, signal.SIGKILL)
    until(5, lambda: not d.engines())
    d.up()
    t.expect(f"{engine}: it died while no daemon ran", d.row(2)["status"] == "failed" and "no daemon ran" in d.row(2)["failure_reason"], d.row(2))
    reply = d.connect_node(1)
    t.expect(f"{engine}: and the next connect works", reply["code"] == "ok" and until(5, lambda: page(d.port)), reply)


def identity(work, one, _two):
    """Rows whose pid is another process's by now: they have failed, and nobody is sent a signal."""
    t, d = tally, new(work, "builtin", (one,))
    file = f"{d.root}/runtime/session-{{}}.json"
    boot = get("/proc/sys/kernel/random/boot_id").decode().strip()
    cases = {"start time": "rejected_pid_reused", "boot id": "restart_other_boot", "program": "rejected_mismatch",
             "arguments": "rejected_mismatch", "pid alone": "restart_other_boot", "no pid": "restart_not_started"}
    d.end()
    strangers = []
    for i, what in enumerate([*cases] * 17):
        s = Stranger("other.json" if what == "arguments" else file.format(i + 1)) if i < 2 * len(cases) else strangers[i % len(cases)]
        if i < 2 * len(cases):
            strangers.append(s)
        exe = s.exe()
        values = {"process_id": s.proc.pid, "process_start_ticks": s.ticks(), "boot_id": boot, "executable_dev": exe.st_dev,
                  "executable_inode": exe.st_ino}
        values.update({"start time": {"process_start_ticks": s.ticks() - 1}, "boot id": {"boot_id": boot[::-1]},
                       "program": {"executable_inode": exe.st_ino + 1}, "arguments": {},
                       "pid alone": {"process_start_ticks": 0, "boot_id": None, "executable_inode": 0, "executable_dev": 0},
                       "no pid": {"process_id": None}}[what])
        status = ("starting", "running", "stopping")[i % 3]
        d.sql("INSERT INTO runtime_sessions (config_id, status, engine, engine_config_path, owner_kind, created_at, updated_at, "
              "process_id, process_start_ticks, boot_id, executable_dev, executable_inode) VALUES (1, ?, 'builtin', ?, 'daemon', 1, 1, "
              "?, ?, ?, ?, ?)", status, file.format(i + 1), *(values[k] for k in (
                  "process_id", "process_start_ticks", "boot_id", "executable_dev", "executable_inode")))
    d.up()
    rows = d.rows()
    t.expect("identity: every row has failed", len(rows) == len(cases) * 17 and {r["status"] for r in rows} == {"failed"}, rows[:3])
    told = {(what, r["last_transition_reason_code"]) for what, r in zip([*cases] * 17, rows) if not
            (r["failure_reason"] and r["last_transition_reason_code"].endswith(cases[what]))}
    t.expect("identity: with its reason", not told, told)
    d.connect_node(1)
    d.disconnect()
    untouched = [s.unharmed() for s in strangers]
    t.expect("identity: no stranger was sent a signal", all(untouched), untouched)
    print(f"identity: {len(rows)} rows with pids of others, {len(untouched) - sum(untouched)} strangers signalled")


def strays(work, engine, one, two):
    t, d = tally, new(work, engine, (one, two))
    pid = d.connect_node(1)["payload"]["pid"]
    reader = Stranger(d.row(1)["engine_config_path"])
    d.kill()
    d.sql("UPDATE runtime_sessions SET status = 'stopped'")
    d.up()
    t.expect(f"{engine}: an engine that no row has is ended", until(10, lambda: not d.engines()), d.engines(), d.stderr())
    t.expect(f"{engine}: it is told", "stray_engine_ended" in d.events(), d.events())
    reply = d.connect_node(2)
    t.expect(f"{engine}: its port is free", reply["code"] == "ok" and until(5, lambda: page(d.port) == two.source), reply, d.stderr())
    pid = reply["payload"]["pid"]
    d.kill()
    d.sql("UPDATE runtime_sessions SET status = 'starting', process_id = NULL, boot_id = NULL WHERE id = 2")
    d.up()
    t.expect(f"{engine}: one that its row did not know yet is taken over", d.is_in("running") and d.status()["pid"] == pid, d.status(), d.stderr())
    d.kill()
    d.sql("UPDATE runtime_sessions SET status = 'stopping' WHERE id = 2")
    d.up()
    t.expect(f"{engine}: one that was being ended is ended", until(10, lambda: d.row(2)["status"] == "stopped") and not d.engines(), d.row(2))
    d.connect_node(1)
    d.kill()
    d.sql("UPDATE runtime_sessions SET boot_id = ? WHERE status = 'running'", "0" * 36)
    d.up()
    t.expect(f"{engine}: another boot: failed, and its engine is ended by its mark", d.row(3)["status"] == "failed" and
             "anew" in d.row(3)["failure_reason"] and until(10, lambda: not d.engines()), d.row(3), d.engines())
    t.expect(f"{engine}: whoever shows the file is let alone", reader.unharmed())


def reused(work, engine, one, _two):
    """The pid of the row is an engine's again: the same program with the same arguments, started by somebody else."""
    t, d = tally, new(work, engine, (one,))
    pid, row = d.connect_node(1)["payload"]["pid"], d.row(1)
    args, config = get(f"/proc/{pid}/cmdline").decode().split("\0")[:-1], get(row["engine_config_path"])
    exe = os.readlink(f"/proc/{pid}/exe")
    d.kill()
    os.kill(pid, signal.SIGKILL)
    until(5, lambda: not d.engines())
    other = subprocess.Popen(args, executable=exe, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    t.expect(f"{engine}: the other one serves", until(10, lambda: page(d.port) == one.source) and config)
    boot = get("/proc/sys/kernel/random/boot_id").decode().strip()
    ticks = int(get(f"/proc/{other.pid}/stat").rsplit(b")", 1)[1].split()[19])
    for what, code, wrong in (("another boot", "daemon_restart_other_boot", (ticks, boot[::-1])),
                              ("a pid that was reused", "daemon_restart_reattach_rejected_pid_reused", (ticks - 1, boot))):
        d.sql("UPDATE runtime_sessions SET status = 'running', process_id = ?, process_start_ticks = ?, boot_id = ?", other.pid, *wrong)
        with open(row["engine_config_path"], "wb") as f:
            f.write(config)
        d.up()
        t.expect(f"{engine}: {what}: failed", d.row(1)["status"] == "failed" and d.row(1)["last_transition_reason_code"] == code, d.row(1))
        t.expect(f"{engine}: {what}: it is let alone", page(d.port) == one.source and other.poll() is None, d.stderr())
        d.kill()
    other.kill()
    other.wait()


def busy(work, one, _two):
    """status and ping while a connect is under way that gets nowhere; then the daemon is told to stop."""
    hole = socket.socket()
    hole.bind(("127.0.0.1", 0))
    hole.listen()
    t, d = tally, new(work, "v2ray", (one, f"socks://127.0.0.1:{hole.getsockname()[1]}#hole"))
    d.connect_node(1)
    ask = threading.Thread(target=lambda: replies.append(d.connect_node(2)))
    replies, took = [], []
    ask.start()
    t.expect("the second is on its way", until(10, lambda: len(d.rows()) == 2 and d.row(2)["engine"]))
    for _ in range(200):
        seconds, s = seconds_of(d.status)
        took.append(seconds)
        t.expect("status while it is busy", s["runtime_status"] == "running" and s["active_config_id"] == 1, s)
    print(f"200 status while a connect runs: median {statistics.median(took) * 1000:.2f} ms, slowest {max(took) * 1000:.2f} ms")
    seconds, code = seconds_of(d.end)
    ask.join()
    t.expect("stop ends both", code == 0 and seconds < 8 * SLOW and not d.engines(), code, seconds, d.engines(), d.stderr())
    t.expect("the rows say so", [r["status"] for r in d.rows()] == ["stopped", "failed"], d.rows())
    t.expect("and whoever waited was told", replies and replies[0]["code"] in ("busy", "invalid_state"), replies)
    hole.close()


def silent(work, engine, _one, _two):
    """Nothing of a node's secrets is anywhere but in the file of the session and in the database's own table of nodes."""
    secret = SecretNode(f"{work}/node-{engine}.json")
    t, d = tally, new(work, engine, (secret.link, dead_node().replace("127.0.0.1", f"user:{PASSWORD}@127.0.0.1")))
    t.expect(f"{engine}: a node with a password", d.connect_node(1)["code"] == "ok" and until(5, lambda: page(d.port)), d.stderr())
    d.connect_node(2)
    pid = d.status()["pid"]
    environ = get(f"/proc/{pid}/environ") + get(f"/proc/{pid}/cmdline")
    probe = json.loads(get(d.row(1)["engine_config_path"]))
    accounts = [a["pass"] for i in probe["inbounds"] if i["tag"] == "probe-in" for a in i["settings"]["accounts"]]
    d.kill()
    d.up()
    os.kill(pid, signal.SIGKILL)
    d.is_in("failed")
    texts = [d.stderr(), json.dumps(d.status()), json.dumps(d.rows()), json.dumps(d.sql("SELECT * FROM events")), environ.decode()]
    for folder in ("runtime", "logs"):
        texts += [(get(f"{d.root}/{folder}/{n}") or b"").decode(errors="replace") for n in os.listdir(f"{d.root}/{folder}")
                  if ".log" in n]
    found = [x[:200] for x in texts for needle in (PASSWORD, *accounts) if needle in x]
    t.expect(f"{engine}: the control: it is in the file", PASSWORD in json.dumps(probe) and accounts)
    t.expect(f"{engine}: no secret in logs, rows, events, status, argv, environ", not found, found)


def user_view(work, one, two):
    """The commands."""
    t, d = tally, new(work, "builtin", (one, two))
    code, out, err = d.xrat("connect", "1")
    t.expect("xrat connect", code == 0 and "session 1" in out and str(d.port) in out, code, out, err)
    code, out, err = d.xrat("status")
    t.expect("xrat status", code == 0 and "running" in out and "reachable" in out, code, out, err)
    code, out, err = d.xrat("connect", "9")
    t.expect("xrat connect of nobody: exit 7", code == 7, code, out, err)
    code, out, err = d.xrat("disconnect")
    t.expect("xrat disconnect", code == 0, code, out, err)
    code, out, err = d.xrat("disconnect")
    t.expect("xrat disconnect again: exit 7", code == 7, code, out, err)
    ref = d.sql("SELECT ref FROM configs WHERE id = 2")[0]["ref"]
    reply = d.ask(snake("runtime_connect", config_ref=ref[:6]), timeout=30)
    t.expect("by its ref", reply["code"] == "ok" and reply["payload"]["config_id"] == 2, reply)


EACH = (life, sesslogs.logged, replaced, kept, survives, dies, strays, reused, silent)
ONCE = (settings, families, refused, identity, busy, user_view, *sesscancel.CASES, *sesskill.CASES)


def guarded(fn, *args):
    try:
        fn(*args)
    except Exception as e:  # one case must not take the others along
        tally.expect(f"{fn.__name__} {args[1] if len(args) == 4 else ''}: {e!r}", False, traceback.format_exc())


def main():
    missing = lacking()
    if missing:
        tally.skip(f"sessions: {' and '.join(missing)} not installed")
        tally.finish()
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as work:
        one, two = Node(2), Node(3)
        sesskill.tally = sesscancel.tally = sesslogs.tally = tally
        for fn in EACH:
            for engine in ENGINES if not wanted or fn.__name__ in wanted else ():
                guarded(fn, work, engine, one, two)
        for fn in ONCE:
            if not wanted or fn.__name__ in wanted:
                guarded(fn, work, one, two)
        for d in made + sesskill.made + sesscancel.made + sesslogs.made:
            code = d.close()
            tally.expect(f"{d.root}: it ends well", code in (0, -signal.SIGKILL) and not
                         any(w in d.stderr() for w in ("Sanitizer", "runtime error", "left open")), code, d.stderr())
        for node in Node.made:
            node.end()
    tally.finish()


if __name__ == "__main__":
    main()
