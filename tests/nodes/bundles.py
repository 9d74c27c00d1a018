"""debug bundle and the database: what is in it, what is kept back, a database that cannot be read, ten thousand nodes."""
import hashlib
import json
import os
import random
import sqlite3
import time
import zipfile

from nbed import SECRET, Root, expect, links, put, trojan

MANY = 10000


def bundle(r, *words):
    """Its members and the reasons of its problems, by name."""
    path = f"{r.dir}/b.zip"
    r.ok("debug", "bundle", "--output", path, *words, timeout=120)
    with zipfile.ZipFile(path) as z:
        files = {n: z.read(n).decode(errors="replace") for n in z.namelist()}
    problems = {}
    for p in json.loads(files["manifest.json"])["problems"]:
        problems[p["name"]] = problems.get(p["name"], "") + p["reason"] + "\n"
    return files, problems


def with_sessions(n=1):
    """A root with n sessions of node 1, each with a log that has its password."""
    r = Root()
    r.ok("add", trojan(1))
    db = sqlite3.connect(r.database())
    for i in range(1, n + 1):
        db.execute("INSERT INTO runtime_sessions (config_id, status, engine, engine_config_path, owner_kind, created_at, updated_at) "
                   "VALUES (1, 'stopped', 'v2ray', ?, 'daemon', ?, ?)", (f"{r.root}/runtime/session-{i}.json", i, i))
    db.commit()
    db.close()
    for folder in ("runtime", "logs"):
        os.makedirs(f"{r.root}/{folder}", mode=0o700, exist_ok=True)
    mark = hashlib.sha256(os.path.realpath(r.root).encode()).hexdigest()[:8]
    for i in range(1, n + 1):
        put(f"{r.root}/runtime/session-{i}.err.log", f"words of {i}: {SECRET}1 and {SECRET[:4]}\n")
        put(f"{r.root}/logs/session-{i}-{mark}.access.log", f"accepted with {SECRET}1\n")
    put(f"{r.root}/logs/session-1-00000000.access.log", "of another root\n")
    put(f"{r.root}/logs/daemon.log", "the daemon said so\n")
    return r


def sql(r, text):
    with sqlite3.connect(r.database()) as db:
        db.execute(text)
    db.close()


def contents():
    r = with_sessions(7)
    put(f"{r.root}/runtime/session-7.json", json.dumps({"outbounds": [{"protocol": "trojan", "settings": {"servers": [{"password": "0nly-here-x1"}]}}]}))
    put(f"{r.root}/logs/daemon.log", "refused 0nly-here-x1\n")
    files, problems = bundle(r)
    logs = sorted(n for n in files if n.startswith("logs/session-") and n.endswith(".err.log"))
    expect("bundle: logs of the newest sessions", logs == [f"logs/session-{i}.err.log" for i in range(3, 8)], logs)
    expect("bundle: those that the engine opened", sum(n.endswith(".access.log") for n in files) == 5 and
           "logs/session-1-00000000.access.log" not in files, list(files))
    expect("bundle: without the secret", "words of 7: <secret-" in files["logs/session-7.err.log"], files["logs/session-7.err.log"])
    expect("bundle: nor that of a file alone", "0nly" not in "".join(files.values()) and "sessions/session-7.json" in files)
    expect("bundle: nothing is lacking", not problems, problems)
    rows = json.loads(files["sessions/sessions.json"])
    expect("bundle: sessions", [s["id"] for s in rows] == [7, 6, 5, 4, 3, 2, 1] and rows[0]["node_id"] == 1, rows)
    nodes = json.loads(files["sessions/nodes.json"])
    expect("bundle: nodes", [(n["id"], n["name"], n["protocol"]) for n in nodes] == [(1, "node-1", "trojan")], nodes)
    expect("bundle: events, rotation, counts", all(json.loads(files[f"sessions/{n}.json"]) is not None for n in ("events", "rotation", "counts")))
    for change, what in ((("disable", "1"), "disabled"), (("remove", "1"), "removed")):
        r.ok(*change)
        files, _ = bundle(r)
        expect(f"bundle: a {what} node's secret", f"{SECRET}1" not in "".join(files.values()) and "logs/session-7.err.log" in files)
    sql(r, "UPDATE runtime_sessions SET config_id = NULL WHERE id = 6")
    files, problems = bundle(r)
    expect("bundle: of an erased node nothing", "logs/session-6.err.log" not in files and "logs/session-7.err.log" in files and
           "their nodes were erased" in problems["logs"], problems)
    sql(r, f"UPDATE runtime_sessions SET engine_config_path = '{r.root}/runtime/session-7.json' WHERE id = 6")
    files, _ = bundle(r)
    expect("bundle: nor of a process that ran it", "logs/session-7.err.log" not in files)
    files, _ = bundle(r, "--with-secrets", "--yes")
    expect("bundle: --with-secrets has them", f"{SECRET}1" in files["logs/session-6.err.log"])


def link(path):
    os.rename(path, path + ".real")
    os.symlink(path + ".real", path)


def hold(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("BEGIN EXCLUSIVE")
    db.execute("UPDATE configs SET name = name")
    return db


def overwrite(path, data, at=0):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(data)


def unreadable():
    for name, spoil, words in (
            ("newer", lambda p: sqlite3.connect(p).execute("PRAGMA user_version = 99").connection.close(), "newer"),
            ("damaged", lambda p: overwrite(p, b"\xff" * 3000), "damaged"),
            ("damaged inside", lambda p: overwrite(p, random.Random(3).randbytes(4096 * 4), 4096), "damaged"),
            ("text", lambda p: overwrite(p, b"hello, this is text\n" * 100), "no database"),
            ("missing", os.unlink, "does not exist"), ("a link", link, "symbolic link"), ("locked", hold, "another process")):
        r = with_sessions()
        sqlite3.connect(r.database()).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
        held = spoil(r.database())
        begin = time.monotonic()
        files, problems = bundle(r)
        expect(f"{name}: made soon", time.monotonic() - begin < 10)
        expect(f"{name}: it says so", words in "".join(problems.values()) and "could not be read" in problems["logs"], problems)
        expect(f"{name}: logs whose secrets nobody knows are kept back", SECRET not in "".join(files.values()) and
               not any(n.startswith("logs/session-") for n in files) and "logs/daemon.log" in files, list(files))
        if held is not None and hasattr(held, "close"):
            held.close()
    r = with_sessions()
    put(f"{r.root}/config.toml", "database = [\n")
    files, problems = bundle(r)
    expect("a broken config.toml: it may be another database", "which database" in problems["logs"] and
           not any(n.startswith("logs/session-") for n in files), problems)


def many():
    """What the nodes cost: the same logs with and without them."""
    rng, took = random.Random(5), []
    text = "".join(f"vless://{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4000-8000-{rng.getrandbits(48):012x}@n{n}.example.net:443"
                   f"?security=tls&type=ws&path=%2F{n}#node%20{n}\ntrojan://{rng.getrandbits(80):020x}@t{n}.example.net:443?security=tls#t{n}\n"
                   for n in range(MANY // 2))
    log = "".join(f"2026/02/03 [Warning] [{rng.getrandbits(32)}] tunneling request to tcp:h{n}.example.com:443 via n{n % MANY}.example.net id "
                  f"{rng.getrandbits(128):032x}\n" for n in range(9000))
    for nodes in (links(1), text):
        r = Root()
        r.ok("import", "-", stdin=nodes)
        os.mkdir(f"{r.root}/logs", 0o700)
        for i in range(3):
            put(f"{r.root}/logs/engine-client.out.log" + (f".{i}" if i else ""), log)
        put(f"{r.root}/logs/daemon.log", text.splitlines()[-2] + "\n")
        begin = time.monotonic()
        files, _ = bundle(r)
        took.append(time.monotonic() - begin)
    expect("10,000 nodes: one of their links is masked", "<secret-" in files["logs/daemon.log"], files["logs/daemon.log"])
    print(f"bundle of {3 * len(log) >> 10} KiB of logs: {took[0]:.2f} s with 1 node, {took[1]:.2f} s with 10,000")
    expect("10,000 nodes: still quick", took[1] < 4 * took[0] + 3, took)


PARTS = [contents, unreadable, many]
