"""What goes wrong: ten thousand nodes, kills, full disks, locked, newer and damaged databases, secrets where they must not be."""
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

from nbed import ENV, SECRET, SERVER, SLOW, UUID, Root, expect, links, skip, trojan, until

MANY = 10000


def thousands():
    r = Root()
    path = r.write("many.txt", "".join(f"vless://{UUID[:-6]}{n:06x}@n{n}.example.net:443?security=tls&type=ws&path=%2F{n}#node%20{n}\n"
                                       for n in range(MANY)))
    begin = time.monotonic()
    got = r.json("import", path)
    took = time.monotonic() - begin
    expect("10,000: all are new", got["new"] == MANY and got["failed"] == 0, got)
    begin = time.monotonic()
    out = r.ok("list")
    print(f"10,000 nodes: import {took:.2f} s, list {time.monotonic() - begin:.2f} s")
    expect("10,000: list", out.count("\n") == MANY + 1)
    got = r.json("list")
    expect("10,000: JSON", got["count"] == MANY == len(got["nodes"]) and got["nodes"][-1]["name"] == f"node {MANY - 1}")
    out = r.ok("export", "--format", "base64")
    other = Root()
    expect("10,000: round trip", other.json("import", "-", stdin=out)["new"] == MANY)
    expect("10,000: again", other.json("import", path)["duplicates"] == MANY)


def whole(r, before, after):
    """As before or as after, and sound; how many nodes."""
    if not os.path.exists(r.database()):
        return 0
    with sqlite3.connect(r.database()) as db:
        sound = db.execute("PRAGMA integrity_check").fetchone()[0]
        if not db.execute("PRAGMA user_version").fetchone()[0]:  # made, and nothing in it yet
            expect("killed: nothing yet, and sound", before == 0 and sound == "ok")
            return 0
        n = db.execute("SELECT count(*) FROM configs").fetchone()[0]
        subs = db.execute("SELECT count(*) FROM subscriptions").fetchone()[0]
    expect("killed: all or nothing", n in (before, after) and sound == "ok" and subs == (n > 0), n, subs, sound)
    return n


def kills():
    rng = random.Random(int(os.environ.get("SEED", "7")))
    rounds, halves = int(os.environ.get("KILLS", "60")), 0
    text = links(*range(1, 3000))
    for _ in range(rounds):
        r = Root()
        path = r.write("feed.txt", text)
        p = subprocess.Popen(r.command("import", path), env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        time.sleep(rng.random() * 0.12)  # the moment is the luck that is wanted here
        p.send_signal(signal.SIGKILL)
        p.wait()
        n = whole(r, 0, 2999)
        halves += n == 0
        expect("killed: the next one goes through", r.json("import", path)["new"] == 2999 - n)
        shutil.rmtree(r.dir)
    print(f"kills: {rounds}, {halves} of them before it was in, 0 halves unless FAIL stands above")


def locked():
    r = Root()
    r.ok("add", trojan(1))
    db = sqlite3.connect(r.database(), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    begin = time.monotonic()
    e = r.error(4, "add", trojan(2))
    expect("locked: busy, after waiting", "busy" in e["code"] and time.monotonic() - begin >= 4, e)
    expect("locked: reading goes on", r.names() == ["node-1"])
    done = []
    t = threading.Thread(target=lambda: done.append(r.xrat("add", trojan(2))))
    t.start()
    until(0.5, lambda: False)
    db.execute("ROLLBACK")
    t.join()
    expect("locked: it waits a little", done[0][0] == 0, done)
    # Many at once.
    results = []
    threads = [threading.Thread(target=lambda i=i: results.append(r.xrat("add", trojan(10 + i))[0])) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expect("locked: eight at once", results == [0] * 8 and len(r.names()) == 10, results)


def full():
    if os.geteuid() and subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        skip("full disk: no mount namespace here")
        return
    r = Root()
    path = r.write("many.txt", links(*range(1, 3000)))
    body = f"""mount -t tmpfs -o size=512k,mode=700 none '{r.root}' || exit 77
'{r.command()[0]}' --root '{r.root}' add '{trojan(1)}' || exit 1
'{r.command()[0]}' --root '{r.root}' import '{path}'; echo "code $?"
'{r.command()[0]}' --root '{r.root}' --format json list | tr -d '\\n'; echo
head -c 1000000 /dev/zero >'{r.root}/fill' 2>/dev/null
'{r.command()[0]}' --root '{r.root}' add '{trojan(2)}'; echo "code $?"
rm '{r.root}/fill'
'{r.command()[0]}' --root '{r.root}' add '{trojan(2)}'; echo "code $?"
"""
    p = subprocess.run(["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", body], capture_output=True, text=True, env=ENV,
                       timeout=120 * SLOW, check=False)
    if p.returncode == 77:
        skip("full disk: cannot mount")
        return
    codes = re.findall(r"^code (\d)$", p.stdout, re.M)
    expect("full: refused, then goes on", codes[:1] == ["3"] and codes[-1:] == ["0"], p.stdout[-800:], p.stderr)
    expect("full: says why", "full" in p.stderr or "No space" in p.stderr or "no space" in p.stderr.lower(), p.stderr)
    expect("full: nothing half done", '"count": 1' in p.stdout, p.stdout[-800:])


def strange():
    for name, make, words in (
            ("newer", lambda db: sqlite3.connect(db).execute("PRAGMA user_version = 99").connection.close(), "newer"),
            ("damaged", lambda db: open(db, "r+b").write(b"\xff" * 3000), ""),
            ("of another program", lambda db: (os.unlink(db), sqlite3.connect(db).executescript("CREATE TABLE a (b); INSERT INTO a VALUES (1)")), ""),
            ("no database", lambda db: open(db, "wb").write(b"hello, this is text\n" * 100), "")):
        r = Root()
        r.ok("add", trojan(1))
        for end in ("-wal", "-shm"):
            if os.path.exists(r.database() + end):
                sqlite3.connect(r.database()).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
        make(r.database())
        with open(r.database(), "rb") as f:
            before = f.read()
        for command in (("list",), ("add", trojan(2)), ("import", trojan(3)), ("test", "--skip-delay")):
            e = r.error(3, *command)
            expect(f"{name}: {command[0]} says so", words in e["message"] and "xrat.db" in e["message"], e)
        with open(r.database(), "rb") as f:
            expect(f"{name}: not a byte is changed", f.read() == before)
    r = Root('[database]\npath = "data/own.db"\n')
    r.ok("add", trojan(1))
    expect("[database] path", oct(os.stat(f"{r.root}/data/own.db").st_mode & 0o777) == "0o600" and not os.path.exists(r.database()))
    r = Root()
    os.symlink(f"{r.dir}/elsewhere.db", r.database())
    r.error(3, "add", trojan(1))
    expect("a link in its place: nothing is written behind it", not os.path.exists(f"{r.dir}/elsewhere.db"))


def holders_of(pid):
    """Arguments and environment of a process and its children."""
    found = b""
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{p}/stat", encoding="utf-8", errors="replace") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
            if pid in (int(p), parent):
                for name in ("cmdline", "environ"):
                    with open(f"/proc/{p}/{name}", "rb") as f:
                        found += f.read()
        except (OSError, ValueError, IndexError):
            pass
    return found


def secrets():
    """A password and a subscription's token, searched for wherever they must not be."""
    r = Root("[runtime.rotation]\nprobe_url = \"http://127.0.0.1:1/\"\n")
    token = "T0k3n0fTheFeed"
    SERVER.put("/secret", links(1, 2) + f"trojan://{SECRET}@127.0.0.1:99999#bad\nvless://{UUID}@127.0.0.1:1?x={SECRET}#worse\n")
    path = r.write("feed.txt", links(3) + f"ss://{SECRET}%%@x\n")
    texts = []
    for words in (("import", SERVER.url("/secret", token)), ("update",), ("import", path), ("list",), ("list", "subscriptions"),
                  ("show", "1"), ("show", "subscription", "1"), ("-v", "test", "--timeout", "500"), ("disable", "1"), ("remove", "1"),
                  ("import", SERVER.url("/gone", token)), ("update", "1", "--progress"), ("export", "--format", "sing-box", "--output",
                                                                                        f"{r.dir}/out")):
        for form in ((), ("--format", "json")):
            texts.append((words, "".join(r.xrat(*form, *words)[1:])))
    for words, text in texts:
        expect(f"secrets: {' '.join(words)[:30]}: none shown", SECRET not in text and token not in text and UUID not in text, text)
    with sqlite3.connect(r.database()) as db:
        events = json.dumps(db.execute("SELECT * FROM events").fetchall())
        errors = json.dumps(db.execute("SELECT last_error FROM subscriptions").fetchall())
    expect("secrets: events", "subscription_updated" in events and SECRET not in events and token not in events, events)
    expect("secrets: last_error", SECRET not in errors and token not in errors, errors)
    SERVER.put("/wait", lambda h: SERVER.stop.wait(2))
    p = subprocess.Popen(r.command("add", "-"), env=ENV, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    p.stdin.write(trojan(50).encode())
    p.stdin.flush()
    until(5, lambda: b"xrat-service" in os.readlink(f"/proc/{p.pid}/exe").encode())
    seen = holders_of(p.pid)
    expect("secrets: 'add -' has none in its arguments", seen and SECRET.encode() not in seen)
    p.stdin.close()
    p.wait()
    expect("secrets: and they are in", "node-50" in r.names())
    modes = {os.path.join(d, n): os.stat(os.path.join(d, n)).st_mode & 0o77 for d, _, names in os.walk(r.root) for n in names
             if n != "config.toml"}
    expect("secrets: files of the root are for its user alone", modes and not any(modes.values()), modes)


PARTS = [thousands, kills, locked, full, strange, secrets]
