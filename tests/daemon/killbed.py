"""A daemon that is killed before the nth call of any of its threads that changes something (tests/fault/killat.c), and what has
to be true after the start behind that."""
import collections
import json
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import time

from dbed import TOP, get, until

from sessbed import Sessions, Stranger, page

HEAD, CALL = struct.Struct("4I"), struct.Struct("28sI")  # as in tests/fault/killat.c
SIZE = HEAD.size + 8192 * CALL.size
ROOT_FILES = {".state", "config.toml", "logs", "runtime", "xrat.db", "xrat.db-shm", "xrat.db-wal"}
RUNTIME_FILES = re.compile(r"daemon\.(lock|sock)$|session-\d+\.(out|err)\.log$")
LOG_FILES = re.compile(r"session-\d+-[0-9a-f]{8}\.(access|error)\.log$")
COOLDOWN = 200  # seconds


def build(work):
    library = f"{work}/killat.so"
    subprocess.run([os.environ.get("CC", "gcc"), "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-fno-builtin", "-o", library,
                    f"{TOP}/tests/fault/killat.c", "-ldl"], check=True)
    return library


class KillAt:
    """What the preloaded library and we tell each other."""

    def __init__(self, path):
        self.path = path
        with open(path, "w+b") as f:
            f.truncate(SIZE)
            self.map = mmap.mmap(f.fileno(), SIZE)

    def arm(self, at):
        """0: only counts."""
        HEAD.pack_into(self.map, 0, 0, at, 0, 0)
        HEAD.pack_into(self.map, 0, 1, at, 0, 0)

    def disarm(self):
        struct.pack_into("I", self.map, 0, 0)

    @property
    def count(self):
        return HEAD.unpack_from(self.map)[2]

    @property
    def killed(self):
        return HEAD.unpack_from(self.map)[3]

    def call(self, n):
        """Its name and whose it was."""
        name, is_main = CALL.unpack_from(self.map, HEAD.size + n * CALL.size)
        return f"{name.rstrip(bytes(1)).decode()} of {'the loop' if is_main else 'a worker'}"

    def calls(self):
        return collections.Counter(self.call(n) for n in range(1, self.count + 1))


def ask(fn):
    """Whoever asks when the daemon dies gets nothing."""
    try:
        return fn()
    except (OSError, ValueError):
        return None


class Killed(Sessions):
    """Sessions that begin anew for each kill."""

    def __init__(self, path, engine, nodes, library, **more):
        self.nodes = nodes  # node 1, 2, …
        super().__init__(path, engine, [n.link for n in nodes], **more)
        self.at = KillAt(f"{path}.killat")
        self.env = {"LD_PRELOAD": library, "KILLAT": self.at.path}
        shutil.copy(self.db, f"{path}.db")
        os.makedirs(f"{path}/runtime", 0o700)
        files = [f"{path}/runtime/session-{n}{more}.json" for n in (1, 2, 3) for more in ("", "-proof")]
        self.strangers = [Stranger(*files), Stranger(*files, env={"XRAT_ENGINE": f"session-1@/other{path}"})]

    def is_dead(self):
        return self.proc is None or self.proc.poll() is not None

    def clear(self):
        """Nothing runs, and the database is as it was made."""
        if not self.is_dead():
            self.kill()
        for pid in self.marked():
            os.kill(pid, signal.SIGKILL)
        until(10, lambda: not self.marked(), 0.05)
        for name in os.listdir(self.root):
            if os.path.isdir(f"{self.root}/{name}"):
                shutil.rmtree(f"{self.root}/{name}")
            elif name != "config.toml":
                os.unlink(f"{self.root}/{name}")
        open(self.log, "wb").close()
        shutil.copy(f"{self.root}.db", self.db)

    def at_rest(self):
        """Nobody writes events any more."""
        last = None
        while last != (last := (len(self.events()), self.at.count)):
            time.sleep(0.03)

    def close(self):
        code = super().close()
        self.unharmed = [s.unharmed() for s in self.strangers]
        return code


# --- what is true ---
def brief(rows):
    return [{k: r[k] for k in ("id", "config_id", "status", "process_id", "failure_reason", "last_transition_reason_code")} for r in rows]


def rows_and_processes(d, allowed):
    """The live row and what is wrong."""
    rows, engines, faults = d.rows(), d.marked(), []
    live = [r for r in rows if r["status"] not in ("stopped", "failed")]
    if [r["status"] for r in live] not in ([], ["running"]):
        faults.append(f"live rows {brief(live)}")
    if sorted(engines) != sorted(r["process_id"] or 0 for r in live):
        faults.append(f"engines {engines}, rows {brief(rows)}")
    faults += [f"failed without a reason: {r}" for r in rows if r["status"] == "failed" and not (
        r["failure_reason"] and r["last_transition_reason_code"])]
    row = live[0] if live else None
    if row and engines.get(row["process_id"]) != [row["engine_config_path"]]:
        faults.append(f"its file {engines}, {row['engine_config_path']}")
    node = row["config_id"] if row else 0
    if node not in allowed:
        faults.append(f"node {node} is active, of {allowed}: {brief(rows)}")
    return row, faults


def what_answers(d, row):
    got, status = page(d.port), d.status()
    if got != (d.nodes[row["config_id"] - 1].source if row else None):
        yield f"it serves {got}, its row is {brief([row] if row else [])}"
    if status["pid_running"] != bool(row) or (row and status["runtime_status"] != "running"):
        yield f"status {status}, its row is {brief([row] if row else [])}"


def files(d, row):
    """What nobody needs any more."""
    name = os.path.basename(row["engine_config_path"]) if row else ""
    kept = {name, f"engine-{name[:-len('.json')]}.notify"} if row else set()
    for n in os.listdir(f"{d.root}/runtime"):
        if n not in kept and not RUNTIME_FILES.match(n):
            yield f"left: runtime/{n}"
    for n in os.listdir(d.root):
        if n not in ROOT_FILES:
            yield f"left: {n}"
    for n in os.listdir(f"{d.root}/logs") if os.path.isdir(f"{d.root}/logs") else ():
        if not LOG_FILES.match(n):
            yield f"left: logs/{n}"
    if row and name not in os.listdir(f"{d.root}/runtime"):
        yield f"{name} is gone"
    if row:
        json.loads(get(row["engine_config_path"]) or "")


def rotation(d, row, may_cool):
    p, now = d.proxy(), time.time() * 1000
    if p["active_config_id"] != (row["config_id"] if row else None):
        yield f"proxy status {p}, its row is {brief([row] if row else [])}"
    if (p["last_candidate_result"] or "").startswith("being_proved"):
        yield f"nobody is being proved: {p}"
    if p["pending_health_recovery"]:
        yield f"another node is wanted: {p}"
    for c in d.sql("SELECT * FROM cooldowns"):
        if c["config_id"] not in may_cool or c["failures"] != 1 or not c["last_failed_at"] <= now or \
                c["cooldown_until"] != c["last_failed_at"] + COOLDOWN * 1000:
            yield f"a cooldown: {c}, of {may_cool}"


def untrue(d, allowed):
    """The live row and what is not true by now, whatever was done."""
    row, faults = rows_and_processes(d, allowed)
    return row, faults or [*what_answers(d, row), *files(d, row)]


def faults_of(d, scene, reply):
    """What is not true by now."""
    row, faults = untrue(d, scene.allowed(d, reply))
    return faults or [*rotation(d, row, scene.may_cool), *scene.more(d, reply)]


def after(d):
    """A disconnect leaves nothing."""
    d.disconnect()
    row, faults = rows_and_processes(d, {0})
    return faults + list(files(d, row))
