"""Kill -9 of the daemon before each call of its loop that writes the store, removes a file, starts or signals a process, or
tells somebody something: the next start comes to a true state. strace follows that one thread, which does all of these but
writing files; what comes before and behind those is a call of it again."""
import collections
import os
import re
import signal
import subprocess
import time

from dbed import ENV, until

from sessbed import Sessions, page

CALLS = ("pwrite64", "fdatasync", "unlinkat", "clone", "clone3", "vfork", "pidfd_send_signal", "write")
LINE = re.compile(r"^(\w+)\(")
tally, made = None, []


class Strace:
    """On the loop's thread of a daemon that runs."""

    def __init__(self, d, words, log="/dev/null"):
        self.proc = subprocess.Popen(["strace", "-o", log, *words, "-p", str(d.proc.pid)], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.said = self.proc.stderr.readline()  # "attached"

    def end(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGINT)
        self.proc.communicate()


def ask(fn):
    """Whoever asks when the daemon dies gets nothing."""
    try:
        return fn()
    except (OSError, ValueError):
        return None


def settled(d):
    return not ask(lambda: d.status()["runtime_status"] in ("starting", "stopping"))


class Scene:
    def __init__(self, name, prepare, act, end):
        self.name, self.prepare, self.act, self.end = name, prepare, act, end


def kill_engine(d):
    for pid in d.engines():
        os.kill(pid, signal.SIGKILL)


SCENES = (
    Scene("connect", lambda d: None, lambda d: ask(lambda: d.connect_node(1)), "running"),
    Scene("replace", lambda d: d.connect_node(1), lambda d: ask(lambda: d.connect_node(2)), "running"),
    Scene("disconnect", lambda d: d.connect_node(1), lambda d: ask(d.disconnect), "stopped"),
    Scene("engine dies", lambda d: d.connect_node(1), kill_engine, "failed"),
)


def fresh(d):
    """Up, with nothing that runs."""
    if ask(d.ping) is None:
        d.up()
    ask(d.disconnect)
    until(10, lambda: not d.engines())
    d.sql("DELETE FROM runtime_sessions")
    d.sql("DELETE FROM events")


def record(d, scene, log):
    fresh(d)
    scene.prepare(d)
    time_to_rest(d)
    s = Strace(d, ["-e", "trace=" + ",".join(CALLS)], log)
    scene.act(d)
    until(10, lambda: ask(lambda: d.status()["runtime_status"]) == scene.end)
    time_to_rest(d)
    s.end()
    with open(log, encoding="utf-8", errors="replace") as f:
        return collections.Counter(m[1] for m in map(LINE.match, f) if m)


def time_to_rest(d):
    """The first request behind a connect has its event."""
    last = None
    while last != (last := len(d.events())):
        time.sleep(0.03)


def faults_of(d, nodes):
    """What is not true, after the start behind a kill."""
    faults = []
    until(15, lambda: settled(d) and not [r for r in d.rows() if r["status"] in ("starting", "stopping")])
    live = [r for r in d.rows() if r["status"] not in ("stopped", "failed")]
    until(10, lambda: len(d.engines()) == len(live))
    engines = d.engines()
    if len(live) > 1 or [r["status"] for r in live] not in ([], ["running"]):
        faults.append(f"live rows {live}")
    if sorted(engines) != sorted(r["process_id"] for r in live):
        faults.append(f"engines {engines}, rows {d.rows()}")
    if live and [live[0]["engine_config_path"]] != engines.get(live[0]["process_id"]):
        faults.append(f"its file {engines} {live}")
    if live and not until(10, lambda: page(d.port) == nodes[live[0]["config_id"] - 1].source):
        faults.append(f"it serves {page(d.port)}, its row says node {live[0]['config_id']}")
    if not live and page(d.port) is not None:
        faults.append("a port answers that no row has")
    status = d.status()
    if status["runtime_status"] != (live[0]["status"] if live else status["runtime_status"]) or status["pid_running"] != bool(live):
        faults.append(f"status {status}, rows {d.rows()}")
    faults += [f"failed without a reason: {r}" for r in d.rows() if r["status"] == "failed" and not r["failure_reason"]]
    kept = [os.path.basename(r["engine_config_path"]) for r in live]
    faults += [f"left: {n}" for n in os.listdir(f"{d.root}/runtime") if (n.endswith(".json") or "proof" in n) and n not in kept]
    return faults, live[0]["config_id"] if live else 0


def try_point(d, scene, nodes, point):
    """Whether it was killed there, which node runs then, what is wrong."""
    fresh(d)
    scene.prepare(d)
    time_to_rest(d)
    name, n = point
    s = Strace(d, ["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={n}"])
    scene.act(d)
    killed = until(3, lambda: d.proc.poll() is not None or (scene.end == (ask(d.status) or {}).get("runtime_status")))
    s.end()
    killed = d.proc.poll() is not None or not until(0.2, lambda: d.proc.poll() is None)
    if not killed:
        d.kill()
    if not d.up():
        return killed, -1, ["it does not start again"]
    faults, node = faults_of(d, nodes)
    return killed, node, faults


def points_of(counts, most):
    """Evenly spread over the calls when there are more than wanted."""
    points = [(name, n) for name in sorted(counts) for n in range(1, counts[name] + 1)]
    step = max(1, len(points) / most)
    return [points[int(i * step)] for i in range(int(len(points) / step))]


def run_scene(work, engine, scene, nodes, most):
    d = Sessions(f"{work}/kill-{engine}-{scene.name.replace(' ', '-')}", engine, [n.link for n in nodes])
    made.append(d)
    d.up()
    counts = record(d, scene, f"{work}/strace.log")
    points = points_of(counts, most)
    killed, ends, wrong = 0, collections.Counter(), 0
    for point in points:
        was_killed, node, faults = try_point(d, scene, nodes, point)
        killed += was_killed
        ends[node] += 1
        wrong += bool(faults)
        tally.expect(f"{engine}, {scene.name}: killed at {point[0]} {point[1]}", not faults, faults, d.stderr()[-1500:])
    d.close()
    tally.expect(f"{engine}, {scene.name}: points were reached", killed >= len(points) // 2, killed, counts)
    print(f"{engine}, {scene.name}: {killed} kill points of {sum(counts.values())} calls; then nothing ran {ends[0]} times, node 1 "
          f"{ends[1]}, node 2 {ends[2]}; {wrong} untrue", flush=True)


def may_trace():
    try:
        return subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, env=ENV, check=False).returncode == 0
    except FileNotFoundError:
        return False


def killed_everywhere(work, one, two):
    """SESSION_POINTS: how many calls of each scene (1000 = all of them)."""
    if not may_trace():
        tally.skip("killed_everywhere: no strace, or it may not trace")
        return
    most = int(os.environ.get("SESSION_POINTS", "30"))
    for engine in ("builtin", "v2ray"):
        for scene in SCENES:
            run_scene(work, engine, scene, (one, two), most)


CASES = (killed_everywhere,)
