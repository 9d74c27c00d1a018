"""Log files of sessions: cut while the engine goes on, removed with their session, and never those of another root."""
import contextlib
import hashlib
import os

from dbed import get, until

from sessbed import Sessions, page

tally, made = None, []


def opened(d, n, kind):
    """A log file that the engine of session n opens itself; its name has a mark of the root."""
    mark = hashlib.sha256(os.path.realpath(d.root).encode()).hexdigest()[:8]
    return f"{d.log_dir}/session-{n}-{mark}.{kind}.log"


def logged(work, engine, one, two):
    """Log files are cut while the engine goes on; those of another root in the same directory are never touched."""
    t, shared = tally, f"{work}/shared-{engine}"
    os.mkdir(shared, 0o700)
    d = Sessions(f"{work}/logs-{engine}", engine, [one.link, two.link], more=f'[runtime.log]\ndir = "{shared}"\nlevel = "info"\n')
    d.log_dir = shared
    made.append(d)
    t.expect(f"{engine}: the daemon starts", d.up(), d.stderr())
    strangers = [f"{shared}/session-{n}" for n in ("1-00000000.access.log", "2-00000000.error.log.1", "1.access.log", "1.login", "3-x.log")]
    mine = [opened(d, n, k) + age for n, k, age in ((1, "access", ""), (2, "error", ".1"), (20, "error", ""))]
    kept = [opened(d, 21, "access"), f"{d.root}/runtime/session-1.logs", f"{d.root}/runtime/session-21.out.log"]
    for path in (*strangers, *mine, *kept, f"{d.root}/runtime/session-20-proof.err.log"):
        with open(path, "w", encoding="utf-8") as f:
            f.write("x")
    d.sql("INSERT INTO sqlite_sequence VALUES ('runtime_sessions', 39)")
    reply = d.connect_node(1)
    t.expect(f"{engine}: session 40", reply["payload"]["session_id"] == 40, reply)
    there = [p for p in (*strangers, *kept) if os.path.exists(p)]
    t.expect(f"{engine}: nobody else's log is gone", there == [*strangers, *kept], there)
    gone = [p for p in (*mine, f"{d.root}/runtime/session-20-proof.err.log") if not os.path.exists(p)]
    t.expect(f"{engine}: the newest 20 sessions have theirs, older ones none", len(gone) == 4, gone)
    t.expect(f"{engine}: a page", until(5, lambda: page(d.port) == one.source), d.stderr())
    files = [opened(d, 40, "access"), opened(d, 40, "error"), f"{d.root}/runtime/session-40.out.log"]
    flags, process = {}, f"/proc/{reply['payload']['pid']}"
    for n in os.listdir(f"{process}/fd"):
        with contextlib.suppress(OSError):  # closed meanwhile
            flags[os.readlink(f"{process}/fd/{n}")] = get(f"{process}/fdinfo/{n}")
    for path in files:
        t.expect(f"{engine}: it appends to {os.path.basename(path)}",
                 path in flags and int(flags[path].split(b"flags:")[1].split()[0], 8) & os.O_APPEND, list(flags))
        with open(path, "ab") as f:
            f.write(b"." * (9 << 20) + b"\n")
    for path in files:
        until(10, lambda p=path: os.path.getsize(p) < 1 << 20 and os.path.exists(p + ".1"))
        t.expect(f"{engine}: {os.path.basename(path)} is cut at 8 MiB", os.path.getsize(path) < 1 << 20 and
                 os.path.getsize(path + ".1") == 8 << 20 and os.stat(path + ".1").st_mode & 0o777 == 0o600, os.listdir(shared))
    t.expect(f"{engine}: it goes on", until(5, lambda: page(d.port) == one.source), d.stderr())
    t.expect(f"{engine}: and writes at the start", until(10, lambda: get(files[0]).count(b"\n")) and b"\0" not in get(files[0]), get(files[0])[:300])
