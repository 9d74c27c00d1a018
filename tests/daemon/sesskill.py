"""Kill -9 of the daemon before each call, of any of its threads, that writes the store or a file, removes one, starts or
signals a process, or tells somebody something: the next start comes to a true state."""
import collections
import concurrent.futures
import os
import signal
import subprocess
import time
import traceback

from dbed import VARIANT, free_port, snake, until

import killbed
from killbed import COOLDOWN, Killed, ask
from sessbed import Node

tally, made = None, []


class Mortal(Node):
    """One that dies and comes back at the same port."""

    def __init__(self, n):
        super().__init__(n)
        self.words = self.proc.args

    def back(self):
        if self.proc.poll() is not None:
            self.proc = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Dead:
    """Nobody is there."""

    def __init__(self):
        self.source, self.link = None, f"socks://127.0.0.1:{free_port()}#dead"


class NotPrepared(Exception):
    """Somebody took a port in the same moment."""


def connect(d):
    reply = d.connect_node(1)
    if not is_ok(reply):
        raise NotPrepared(reply)


class Scene:
    """What is prepared, what is done while the kill is awaited, and which nodes may be active after the next start (0: none)."""
    nodes = (2, 3)
    rotation = f"enabled = false\ncooldown_secs = {COOLDOWN}\n"
    runtime = "health_tick_secs = 3600\n"
    may_cool = ()
    connected = True

    def prepare(self, d):
        if self.connected:
            connect(d)

    def act(self, d):
        raise NotImplementedError

    def is_over(self, d):
        """It has come to its end without a kill (act has returned)."""
        return True

    def allowed(self, d, reply):
        raise NotImplementedError

    def more(self, d, reply):
        """More that is not true."""
        return []

    @property
    def name(self):
        return self.__doc__


def is_ok(reply):
    return bool(reply) and reply["ok"]


def one_or_none(d, reply, done, before):
    """An answer that was given counts; without one it is either."""
    _ = d
    return {done} if is_ok(reply) else {done, before}


class Connect(Scene):
    """connect"""
    connected = False

    def act(self, d):
        return ask(lambda: d.connect_node(1))

    def allowed(self, d, reply):
        return one_or_none(d, reply, 1, 0)


class Replace(Scene):
    """replace"""

    def act(self, d):
        return ask(lambda: d.connect_node(2))

    def allowed(self, d, reply):
        return one_or_none(d, reply, 2, 1)


class Disconnect(Scene):
    """disconnect"""

    def act(self, d):
        return ask(d.disconnect)

    def allowed(self, d, reply):
        return one_or_none(d, reply, 0, 1)


def kill_engine(d):
    for pid in d.marked():
        os.kill(pid, signal.SIGKILL)


class DisconnectRotating(Disconnect):
    """disconnect, rotation is on"""
    nodes = (2, 3, 4)
    rotation = f"enabled = true\ncooldown_secs = {COOLDOWN}\n"

    def prepare(self, d):
        d.tested(1, 2, 3)
        super().prepare(d)


class Dies(Scene):
    """engine dies"""

    def act(self, d):
        kill_engine(d)

    def is_over(self, d):
        return (ask(d.status) or {}).get("runtime_status") == "failed"

    def allowed(self, d, reply):
        return {0}


class DiesRotating(Dies):
    """engine dies, rotation is on"""
    nodes = (2, 3, 4)
    rotation = f"enabled = true\ncooldown_secs = {COOLDOWN}\n"
    may_cool = (1,)

    def prepare(self, d):
        d.tested(1, 2, 3)
        super().prepare(d)

    def is_over(self, d):
        return (ask(d.proxy) or {}).get("last_result")

    def allowed(self, d, reply):
        return {2}


class Fails(DiesRotating):
    """node fails, rotation is on"""
    runtime = "health_tick_secs = 1\n"
    rotation = f"enabled = true\nhealth_failure_threshold = 1\ncooldown_secs = {COOLDOWN}\n"

    def act(self, d):
        d.nodes[0].end()


class Rotate(Scene):
    """rotate"""
    nodes = (2, 3, 4)

    def prepare(self, d):
        d.tested(1, 2, 3)
        super().prepare(d)

    def act(self, d):
        return ask(d.replace)

    def allowed(self, d, reply):
        return one_or_none(d, reply, 2, 1)


class CandidateFails(Rotate):
    """rotate, the best candidate fails"""
    nodes = (2, None, 4)
    may_cool = (2,)

    def allowed(self, d, reply):
        return one_or_none(d, reply, 3, 1)

    def more(self, d, reply):
        return [] if not is_ok(reply) or d.cools(2) else ["node 2 does not cool down"]


class RotateTests(Rotate):
    """rotate, candidates are tested"""

    def prepare(self, d):
        connect(d)

    def allowed(self, d, reply):
        return {reply["payload"]["new_config_id"]} if is_ok(reply) else {1, 2, 3}


class RotateRemoved(Rotate):
    """rotate, the active node was removed"""

    def prepare(self, d):
        super().prepare(d)
        code, out, err = d.xrat("remove", "1")
        tally.expect(f"{self.name}: removed", code == 0, out, err)


class ProxyStart(Scene):
    """proxy start"""
    wish, before = "proxy_start", False

    def act(self, d):
        return ask(lambda: d.ask(snake(self.wish)))

    def allowed(self, d, reply):
        return {1}

    def more(self, d, reply):
        on = d.proxy()["rotation_enabled"]
        return [] if on != self.before or not is_ok(reply) else [f"{self.wish} was acknowledged and is lost: {on}"]


class ProxyStop(ProxyStart):
    """proxy stop"""
    wish, before = "proxy_stop", True
    rotation = "enabled = true\n"


class Stop(Scene):
    """daemon stop"""

    def act(self, d):
        return ask(lambda: d.ask(snake("daemon_shutdown"), timeout=20))

    def is_over(self, d):
        return d.is_dead()

    def allowed(self, d, reply):
        return {0} if is_ok(reply) or d.last_code == 0 else {0, 1}


class Reexec(Scene):
    """re-exec"""

    def prepare(self, d):
        super().prepare(d)
        d.before = d.ping()["instance_id"]

    def act(self, d):
        d.proc.send_signal(signal.SIGUSR2)

    def is_over(self, d):
        return (ask(d.ping) or {"instance_id": d.before})["instance_id"] != d.before

    def allowed(self, d, reply):
        return {1}


class Start(Scene):
    """start after a kill"""
    turn = 0

    def prepare(self, d):
        """The kill before is another one each time, somewhere in a replacement."""
        super().prepare(d)
        self.turn += 1
        d.at_rest()
        d.at.arm(self.turn * 7 % 110 + 1)
        ask(lambda: d.connect_node(2))
        d.at.disarm()
        if not d.is_dead():
            d.kill()
        d.proc.wait()

    def act(self, d):
        d.run(env=d.env)

    def is_over(self, d):
        return ask(d.ping) and not [r for r in d.rows() if r["status"] in ("starting", "stopping")]

    def allowed(self, d, reply):
        return {1, 2}


class StartStopping(Start):
    """start after a kill in a disconnect"""

    def prepare(self, d):
        Scene.prepare(self, d)
        self.turn += 1
        d.at_rest()
        d.at.arm(self.turn % 16 + 1)
        ask(d.disconnect)
        d.at.disarm()
        if not d.is_dead():
            d.kill()
        d.proc.wait()

    def allowed(self, d, reply):
        return {0, 1}


SCENES = (Connect, Replace, Disconnect, DisconnectRotating, Dies, DiesRotating, Fails, Rotate, CandidateFails, RotateTests, RotateRemoved,
          ProxyStart, ProxyStop, Stop, Reexec, Start, StartStopping)


# --- one kill ---
def begin(d, scene, tries=3):
    d.clear()
    for n in d.nodes:
        if isinstance(n, Mortal):
            n.back()
    d.up(env=d.env)
    try:
        scene.prepare(d)
    except NotPrepared:
        if not tries:
            raise
        begin(d, scene, tries - 1)
    if not d.is_dead():
        d.at_rest()


def play(d, scene, at):
    """What act said; the daemon is dead or at rest."""
    begin(d, scene)
    d.at.arm(at)
    reply = scene.act(d)
    until(20, lambda: d.is_dead() or scene.is_over(d))
    if not d.is_dead():
        d.at_rest()
    d.last_code = d.proc.poll()
    d.at.disarm()
    return reply


def try_point(d, scene, at):
    """Whether it was killed there, which node runs then, what is wrong."""
    reply = play(d, scene, at)
    killed = d.at.killed == at
    if not d.is_dead():
        d.kill()
    if not d.up():
        return killed, -1, ["it does not start again"]
    faults = [None]

    def is_true():
        try:
            faults[:] = killbed.faults_of(d, scene, reply)
        except (OSError, ValueError, TypeError) as e:  # in the middle of a change
            faults[:] = [repr(e)]
        return not faults

    until(12, is_true, 0.05)
    live = [r["config_id"] for r in d.rows() if r["status"] == "running"]
    if not faults:
        faults = killbed.after(d)
    return killed, live[0] if live else 0, faults


def points_of(n, most):
    """Evenly spread over the calls when there are more than wanted."""
    step = max(1, n / most)
    return [int(i * step) + 1 for i in range(int(n / step))]


class Lane:
    """One scene with one engine."""

    def __init__(self, work, engine, scene, library):
        self.scene, self.engine = scene(), engine
        nodes = [Dead() if n is None else Mortal(n) for n in scene.nodes]
        self.what = f"{engine}, {self.scene.name}"
        self.d = Killed(f"{work}/kill-{engine}-{scene.__name__}.", engine, nodes, library, rotation=scene.rotation, runtime=scene.runtime)
        made.append(self.d)

    def run(self, most, only):
        d, scene, begun = self.d, self.scene, time.monotonic()
        play(d, scene, 0)
        calls = d.at.calls()
        total = sum(calls.values())
        points = [only] if only else points_of(total, most)
        killed, ends, whose, wrong = 0, collections.Counter(), collections.Counter(), 0
        for at in points:
            was_killed, node, faults = try_point(d, scene, at)
            what = d.at.call(at)
            killed += was_killed
            ends[node] += 1
            whose[what] += was_killed
            wrong += bool(faults)
            tally.expect(f"{self.what}: killed before call {at}, {what}", not faults, faults, d.events(), d.stderr()[-1500:])
        d.close()
        tally.expect(f"{self.what}: points were reached", killed >= len(points) // 2, killed, calls)
        tally.expect(f"{self.what}: strangers were let alone", all(d.unharmed), d.unharmed)
        workers = sum(n for what, n in whose.items() if what.endswith("worker"))
        print(f"{self.what}: {killed} kill points ({workers} in workers) of {total} calls; then nothing ran {ends[0]} times, node 1 "
              f"{ends[1]}, node 2 {ends[2]}, node 3 {ends[3]}; {wrong} untrue; {time.monotonic() - begun:.0f} s", flush=True)
        if os.environ.get("SESSION_CALLS"):
            print(f"  {dict(calls)}", flush=True)

    def guarded(self, most, only):
        try:
            self.run(most, only)
        except Exception as e:  # one scene must not take the others along
            tally.expect(f"{self.what}: {e!r}", False, traceback.format_exc(), self.d.stderr()[-1500:])


def killed_everywhere(work, *_):
    """SESSION_POINTS: how many calls of each scene (1000 = all of them); SESSION_SCENES: names of classes; SESSION_AT: this call."""
    if VARIANT not in ("release", "dev"):
        tally.skip("killed_everywhere: a sanitizer's library has to be the first one")
        return
    most = int(os.environ.get("SESSION_POINTS", "6"))
    wanted = os.environ.get("SESSION_SCENES", "").split()
    engines = os.environ.get("SESSION_ENGINES", "builtin v2ray").split()
    library = killbed.build(work)
    lanes = [Lane(work, engine, scene, library) for scene in SCENES for engine in engines if not wanted or scene.__name__ in wanted]
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("SESSION_LANES", "4"))) as pool:
        list(pool.map(lambda lane: lane.guarded(most, int(os.environ.get("SESSION_AT", "0"))), lanes))


CASES = (killed_everywhere,)
