#!/usr/bin/env python3
"""The database from outside: killed writers, full disks, failing calls, older and newer and damaged files, no links.

    tests/store/run.py [PART...]        parts: kill full calls memory versions damage places     (SEED=n picks another course)

What the product leaves is read with Python's sqlite3, which knows nothing of it."""
import collections
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VARIANT = os.environ.get("VARIANT", "release")
DRIVE = os.path.join(TOP, "build", VARIANT, "tests", "store_drive")
APPLICATION = 0x78726174
VERSION = 2
KILLS = int(os.environ.get("KILLS", "300"))
tally = collections.Counter()


def expect(what, ok, *shown):
    tally["passed" if ok else "failed"] += 1
    if not ok:
        print("FAIL", what, *shown)
    return ok


def skip(what):
    tally["skipped"] += 1
    print("skipped:", what)


def drive(*words, limit=None, wrap=(), env=None):
    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    p = subprocess.run([*wrap, DRIVE, *map(str, words)], capture_output=True, text=True, errors="replace", timeout=120, check=False,
                       preexec_fn=lower if limit else None, env={**os.environ, **(env or {})})
    return p.returncode, p.stdout.strip(), p.stderr


def query(db, sql):
    with sqlite3.connect(db) as c:
        return c.execute(sql).fetchall()


INVARIANTS = {
    "integrity": ("PRAGMA integrity_check", [("ok",)]),
    "references": ("PRAGMA foreign_key_check", []),
    "version": ("PRAGMA user_version", [(VERSION,)]),
    "one session at a time": ("SELECT count(*) > 1 FROM runtime_sessions WHERE status IN ('starting', 'running')", [(0,)]),
    "what is there is held": ("SELECT count(*) FROM configs c WHERE is_deleted = 0 AND by_hand = 0 AND NOT EXISTS"
                              " (SELECT 1 FROM subscription_configs WHERE config_id = c.id)", [(0,)]),
    "an etag has nodes": ("SELECT count(*) FROM subscriptions s WHERE etag IS NOT NULL AND last_refreshed_at IS NULL", [(0,)]),
    "started and stopped": ("SELECT count(*) FROM runtime_sessions WHERE (status = 'running' AND started_at IS NULL) OR"
                            " ((status IN ('stopped', 'failed')) <> (stopped_at IS NOT NULL))", [(0,)]),
}


def consistent(where, db):
    """Opens it as the product does, then looks with other eyes."""
    code, out, _ = drive(db, "check")
    good = expect(f"{where}: it opens", code == 0, out)
    for name, (sql, wanted) in INVARIANTS.items():
        got = query(db, sql)
        good &= expect(f"{where}: {name}", got == wanted, got)
    return good


def leftovers(folder):
    return sorted(set(os.listdir(folder)) - {"x.db", "x.db-wal", "x.db-shm"})


def settings(db):
    return {name: int(value) for name, value in query(db, "SELECT name, value FROM settings")}


def kill(folder, rng):
    db = f"{folder}/x.db"
    acked = 0
    for i in range(KILLS):
        p = subprocess.Popen([DRIVE, db, "write", str(rng.randrange(1 << 30))], stdout=subprocess.PIPE, text=True)
        for _ in range(rng.randrange(12)):
            line = p.stdout.readline()
            expect(f"kill {i}: it goes on", line.startswith("ack "), line)
            acked = int(line.split()[1])
        for _ in range(rng.randrange(60000)):  # somewhere within the next change
            pass
        p.send_signal(signal.SIGKILL)
        rest = p.stdout.read().split("\n")[:-1]
        acked = int(rest[-1].split()[1]) if rest else acked
        p.wait()
        if not consistent(f"kill {i}", db):
            break
        now = settings(db)
        # Every change that was acknowledged is there; at most the one under way too, and then whole.
        expect(f"kill {i}: acknowledged {acked}", acked <= now.get("acked", 0) <= acked + 1, now)
        acked = now.get("acked", 0)
        nodes = query(db, "SELECT count(*) FROM configs WHERE is_deleted = 0")[0][0]
        expect(f"kill {i}: number of nodes", nodes == now.get("nodes", 0), nodes, now)
        expect(f"kill {i}: files", not leftovers(folder), leftovers(folder))
    print(f"kill: {KILLS} kills, {acked} changes acknowledged, 0 of them lost unless FAIL stands above")


def after_failure(where, db, code, out, before, wanted):
    """All of the import or nothing of it, and the database can be used."""
    if code:
        expect(f"{where}: it says why", out.startswith("-") and "database" in out, out)
    if not os.path.exists(db) or not os.path.getsize(db):
        expect(f"{where}: nothing was made", code != 0)
        return
    code2, out2, _ = drive(db, "check")
    if not expect(f"{where}: it opens afterwards", code2 == 0, out2):
        return
    nodes = query(db, "SELECT count(*) FROM configs")[0][0]
    expect(f"{where}: whole", nodes == wanted if code == 0 else nodes in (before, wanted), code, nodes)
    expect(f"{where}: sound", query(db, "PRAGMA integrity_check") == [("ok",)])
    code3, out3, _ = drive(db, "import", wanted)
    expect(f"{where}: goes on", code3 == 0, out3)


def full(folder, _rng):
    """A limit on the size of files; then a real file system that is full."""
    points = failures = 0
    for limit in list(range(4096, 140000, 8192)) + [1 << 20]:
        for fresh in (True, False):
            db = f"{folder}/{limit}{fresh}/x.db"
            os.mkdir(os.path.dirname(db), 0o700)
            before = 0
            if not fresh:
                drive(db, "import", 20)
                before = 20
            code, out, _ = drive(db, "import", 200, limit=limit)
            points += 1
            failures += code != 0
            after_failure(f"full at {limit}", db, code, out, before, 200)
    expect("full: some fail and some pass", 0 < failures < points, failures, points)
    print(f"full: {points} limits, {failures} imports refused, 0 half done unless FAIL stands above")
    body = f"""mount -t tmpfs -o size=256k,mode=700 none '{folder}' || exit 9
'{DRIVE}' '{folder}/x.db' import 20 || exit 1
head -c 1000000 /dev/zero >'{folder}/fill' 2>/dev/null
'{DRIVE}' '{folder}/x.db' import 2000; echo "code $?"
rm '{folder}/fill'
'{DRIVE}' '{folder}/x.db' check && '{DRIVE}' '{folder}/x.db' list | wc -l"""
    p = subprocess.run(["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", body], capture_output=True, text=True,
                       check=False)
    if p.returncode == 9 or "unshare:" in p.stderr:
        skip("full: this machine mounts no tmpfs for us")
        return
    expect("full: a full tmpfs", "No space left" in p.stdout or "no space left" in p.stdout, p.stdout, p.stderr)
    expect("full: refused, and as before", p.stdout.split("\n")[1:3] == ["code 1", "20"], p.stdout, p.stderr)


def calls(folder, _rng):
    """Each call of a kind fails once: alone, and from there on."""
    if not shutil.which("strace"):
        skip("calls: strace is not installed")
        return
    if drive(f"{folder}/probe.db", "open", wrap=["strace", "-o", "/dev/null", "-e", "trace=fdatasync"])[0]:
        skip("calls: strace may not trace here")
        return
    points = 0
    for call, error in (("pwrite64", "EIO"), ("pwrite64", "ENOSPC"), ("fdatasync", "EIO"), ("fsync", "EIO"),
                        ("ftruncate", "EIO"), ("openat", "EMFILE"), ("pread64", "EIO"), ("fchmod", "EPERM"),
                        ("unlink", "EIO"), ("mmap", "ENOMEM"), ("fcntl", "ENOLCK")):
        for fresh in (True, False):
            step, when = (1, 1) if call != "mmap" else (1, 20)
            while when < 400:
                where = f"{call} {error} {when}{'' if fresh else ' again'}"
                db = f"{folder}/c/x.db"
                shutil.rmtree(f"{folder}/c", ignore_errors=True)
                os.mkdir(f"{folder}/c", 0o700)
                if not fresh:
                    drive(db, "import", 20)
                log = f"{folder}/log"
                wrap = ["strace", "-qq", "-o", log, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]
                code, out, err = drive(db, "import", 60, wrap=wrap)
                with open(log, encoding="ascii", errors="replace") as f:
                    hit = "(INJECTED)" in f.read()
                if not hit:
                    break
                points += 1
                if code not in (0, 1) and "cannot open shared object" not in err and "error while loading" not in err:
                    expect(f"{where}: it ends by itself", False, code, err)
                if code != 127:
                    after_failure(where, db, code, out if code else "", 0 if fresh else 20, 60)
                when += step if when < 24 else 7
    print(f"calls: {points} failing calls, 0 half done unless FAIL stands above")


def memory(folder, _rng):
    """The 1st, 2nd, 3rd… allocation fails, once alone and once from there on."""
    library = f"{folder}/oom.so"
    if VARIANT not in ("release", "dev"):
        skip("memory: allocations belong to the sanitizer here")
        return
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-fno-builtin", "-o", library,
                    f"{TOP}/tests/fault/oom.c", "-ldl"], check=True)
    points = failures = 0
    for words in (("write", 3, 12), ("import", 12), ("list",)):
        for on in ({}, {"OOM_ON": "1"}):
            at, total = 0, 1
            while at < total:
                db = f"{folder}/m/x.db"
                shutil.rmtree(f"{folder}/m", ignore_errors=True)
                os.mkdir(f"{folder}/m", 0o700)
                drive(db, "import", 6)
                code, out, err = drive(db, *words, env={"LD_PRELOAD": library, "OOM_AT": str(at), "OOM_COUNT": f"{folder}/count", **on})
                if at == 0:
                    with open(f"{folder}/count", encoding="ascii") as f:
                        total = int(f.read())
                points += 1
                failures += code != 0
                last = out.split("\n")[-1]
                where = f"{words[0]}: allocation {at}{' and on' if on else ''}"
                expect(f"{where}: ends by itself", code in (0, 1), code, err, out)
                expect(f"{where}: says so", code == 0 or last.startswith("-12 "), out)
                if not consistent(where, db):
                    return
                # Few at first, then spread: the first hundreds are SQLite's own opening.
                at += 1 if at < 40 else 1 + total // 120
    print(f"memory: {points} failing allocations, {failures} refused, 0 half done unless FAIL stands above")


def contents(folder):
    return {name: open(f"{folder}/{name}", "rb").read() for name in sorted(os.listdir(folder))
            if not name.endswith("-shm")}


def refused(where, folder, number, words, command="open"):
    """It is refused and every byte is as before."""
    before = contents(folder)
    code, out, _ = drive(f"{folder}/x.db", command)
    expect(f"{where}: refused", code == 1 and out.startswith(f"{number} ") and words in out, code, out)
    after = contents(folder)
    expect(f"{where}: byte for byte as before", {k: v for k, v in after.items() if v or k in before} == before,
           {k: len(v) for k, v in before.items()}, {k: len(v) for k, v in after.items()})


def make(folder, name):
    path = f"{folder}/{name}"
    os.mkdir(path, 0o700)
    return path


def stamp(db, version, application=APPLICATION):
    c = sqlite3.connect(db, isolation_level=None)
    c.execute(f"PRAGMA application_id={application}")
    c.execute(f"PRAGMA user_version={version}")
    c.close()


def schema(db):
    return query(db, "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2")


def versions(folder, _rng):
    # nothing: version 0
    zero = make(folder, "zero")
    open(f"{zero}/x.db", "wb").close()
    expect("version 0: an empty file", drive(f"{zero}/x.db", "open") == (0, "", ""))
    consistent("version 0", f"{zero}/x.db")
    blank = make(folder, "blank")
    query(f"{blank}/x.db", "VACUUM")
    expect("version 0: a blank database", drive(f"{blank}/x.db", "open") == (0, "", ""))
    consistent("blank", f"{blank}/x.db")
    # version 1, with and without WAL
    for mode in ("delete", "wal"):
        old = make(folder, f"old-{mode}")
        db = f"{old}/x.db"
        c = sqlite3.connect(db)
        c.execute(f"PRAGMA journal_mode={mode}")
        with open(f"{TOP}/tests/store/version1.sql", encoding="utf-8") as f:
            c.executescript(f.read())
        c.close()
        stamp(db, 1)
        code, out, _ = drive(db, "list")
        expect(f"version 1 ({mode}): opens with its node", (code, out) == (0, "7 0123456789ab vless edge.example.net 443"), code, out)
        consistent(f"version 1 ({mode})", db)
        expect(f"version 1 ({mode}): the schema is the one of a new database", schema(db) == schema(f"{zero}/x.db"))
        expect(f"version 1 ({mode}): can be written to", drive(db, "write", 1, 20)[0] == 0)
        consistent(f"version 1 ({mode}) later", db)
    # a step that fails leaves version 1 as it was
    half = make(folder, "half")
    shutil.copy(f"{folder}/old-delete/x.db", f"{half}/x.db")
    stamp(f"{half}/x.db", 1)
    before = schema(f"{half}/x.db")
    code, out, _ = drive(f"{half}/x.db", "open")
    expect("a failing step: refused", code == 1, code, out)
    expect("a failing step: nothing of it is left", schema(f"{half}/x.db") == before and
           query(f"{half}/x.db", "PRAGMA user_version") == [(1,)])
    # newer ones: closed well, in rollback mode, left by a killed process, in use
    for name, make_it in (("newer", lambda d: stamp(f"{d}/x.db", VERSION + 1)),
                          ("newer-delete", lambda d: (query(f"{d}/x.db", "PRAGMA journal_mode=delete"),
                                                      stamp(f"{d}/x.db", VERSION + 1)))):
        d = make(folder, name)
        drive(f"{d}/x.db", "import", 50)
        make_it(d)
        refused(name, d, -71, "made by a newer xrat")
        refused(name, d, -71, "made by a newer xrat", "check")
        refused(name, d, -71, "made by a newer xrat", "look")
    d = make(folder, "newer-killed")
    drive(f"{d}/x.db", "import", 50)
    left_behind(f"{d}/x.db", f"PRAGMA user_version={VERSION + 1}")
    expect("newer-killed: a -wal is there", os.path.getsize(f"{d}/x.db-wal") > 0)
    refused("newer-killed", d, -71, "made by a newer xrat")
    # others
    d = make(folder, "other")
    query(f"{d}/x.db", "CREATE TABLE t (a)")
    refused("another program's", d, -76, "another program")
    stamp(f"{d}/x.db", 7, 77)
    refused("another program's with a stamp", d, -76, "another program")


def left_behind(db, sql):
    """What a killed process leaves: sql is committed, but in the -wal alone."""
    pid = os.fork()
    if pid == 0:
        c = sqlite3.connect(db, isolation_level=None)
        c.execute("PRAGMA journal_mode=wal")
        c.execute("PRAGMA wal_autocheckpoint=0")
        c.execute(sql)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def damage(folder, rng):
    good = make(folder, "good")
    drive(f"{good}/x.db", "import", 300)
    drive(f"{good}/x.db", "write", 5, 40)
    data = open(f"{good}/x.db", "rb").read()
    tries = found = 0

    def damaged(where, new, words="damaged", command="open", wal=None):
        d = make(folder, where.replace(" ", "-"))
        with open(f"{d}/x.db", "wb") as f:
            f.write(new)
        if wal:
            with open(f"{d}/x.db-wal", "wb") as f:
                f.write(wal)
        refused(where, d, -117, words, command)
        refused(where + " again", d, -117, words, "look")

    damaged("text", b"this is no database at all, but a letter to somebody\n" * 100)
    damaged("zeros", bytes(8192))
    damaged("cut off", data[:len(data) // 2])
    damaged("only its first page", data[:4096])
    damaged("wrong schema page", data[:100] + bytes(3996) + data[4096:])
    damaged("empty with a wal", b"", wal=b"\x37\x7f\x06\x82" + bytes(4000))
    # Pages here and there: found when the daemon looks at every page; what is not found there must not crash anything.
    for i in range(60):
        page = rng.randrange(1, len(data) // 4096)
        bad = bytearray(data)
        for _ in range(rng.randrange(1, 40)):
            bad[page * 4096 + rng.randrange(4096)] ^= 1 << rng.randrange(8)
        d = make(folder, f"flip{i}")
        with open(f"{d}/x.db", "wb") as f:
            f.write(bad)
        tries += 1
        code, out, err = drive(f"{d}/x.db", "check")
        expect(f"flip {i}: no crash", code in (0, 1), code, err)
        if code:
            found += 1
            expect(f"flip {i}: says so", out.startswith("-117 ") and "damaged" in out, out)
            expect(f"flip {i}: untouched", open(f"{d}/x.db", "rb").read() == bytes(bad))
        for words in (("list",), ("import", 30), ("write", i, 30)):
            code, out, err = drive(f"{d}/x.db", *words)
            expect(f"flip {i}: {words[0]}: no crash", code in (0, 1), code, err)
    print(f"damage: {tries} files with flipped bits, {found} found by looking at every page")


def places(folder, _rng):
    # locked by another process
    db = f"{folder}/x.db"
    drive(db, "import", 5)
    p = subprocess.Popen([DRIVE, db, "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    expect("busy: held", p.stdout.readline() == "held\n")
    code, out, _ = drive(db, "import", 9, env={"BUSY_MS": "50"})
    expect("busy: refused with the reason", code == 1 and out.startswith("-16 ") and "another process is using it" in out, out)
    expect("busy: can be read", len(drive(db, "list")[1].split("\n")) == 5)
    p.stdin.close()
    p.wait()
    expect("busy: goes on", drive(db, "import", 9)[0] == 0)
    # a file system that is read-only
    disk = make(folder, "disk")
    body = f"""mount -t tmpfs -o mode=700 none '{disk}' || exit 9
'{DRIVE}' '{disk}/x.db' import 7 && cp '{folder}/old.db' '{disk}/old.db' && mount -o remount,ro '{disk}' || exit 9
'{DRIVE}' '{disk}/x.db' list | wc -l
'{DRIVE}' '{disk}/x.db' import 9
'{DRIVE}' '{disk}/old.db' list
'{DRIVE}' '{disk}/new.db' open
'{DRIVE}' '{disk}/new.db' look"""
    c = sqlite3.connect(f"{folder}/old.db")
    with open(f"{TOP}/tests/store/version1.sql", encoding="utf-8") as f:
        c.executescript(f.read())
    c.close()
    stamp(f"{folder}/old.db", 1)
    p = subprocess.run(["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", body], capture_output=True, text=True,
                       check=False)
    if p.returncode == 9 or "unshare:" in p.stderr:
        skip("read-only: this machine mounts no tmpfs for us")
    else:
        lines = p.stdout.split("\n")
        expect("read-only: can be listed", lines[0] == "7", p.stdout, p.stderr)
        expect("read-only: says so", lines[1].startswith("-30 ") and lines[2].startswith("-30 ") and lines[3].startswith("-30 "),
               p.stdout)
        expect("read-only: looking at nothing", lines[4].strip() == "1", p.stdout)
    # what others may read: nothing
    modes = {name: oct(os.stat(f"{folder}/{name}").st_mode & 0o777) for name in os.listdir(folder) if name.startswith("x.db")}
    expect("modes", set(modes.values()) == {"0o600"}, modes)


PARTS = (kill, full, calls, memory, versions, damage, places)


def main():
    names = sys.argv[1:]
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
    print(f"SEED={seed}")
    subprocess.run(["make", "-s", "-C", TOP, f"VARIANT={VARIANT}", f"build/{VARIANT}/tests/store_drive"], check=True)
    for part in PARTS:
        if names and part.__name__ not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="xrat-store.") as folder:
            part(folder, random.Random(seed))
    print(f"store: {tally['passed']} passed, {tally['failed']} failed, {tally['skipped']} skipped")
    return tally["failed"] != 0


sys.exit(main())
