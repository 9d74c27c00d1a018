#!/usr/bin/env python3
"""Random edits, a third of them broken, with kill -9 of the service at random moments, applies and rollbacks in between,
against a model of a few lines. What must hold: live is, byte for byte, the render of the last good snapshot (or what a
rollback made live); the engine survives its service and is adopted; it answers but for its own restarts; nothing is lost
and nothing left over.

    XRAT_SEED=N EDITS=N KILLS=N history.py"""
import collections
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time

import bed
from bed import Bed, Tally, answers, until

tally = Tally("random history")
SEED = int(os.environ.get("XRAT_SEED", "20261121"))
EDITS = int(os.environ.get("EDITS", "500"))
KILLS = int(os.environ.get("KILLS", str(EDITS * 60 // 500)))
counts = collections.Counter()


BREAKS = ("syntax", "unknown key", "dead tag", "snippet", "refused", "dies", "machine")


class Prober(threading.Thread):
    """Asks the engine all the time. A failure counts while an engine of the service runs and is not being replaced: the
    test says when that may be (`expected`), from just before an action until the engine has settled."""

    def __init__(self, b):
        super().__init__(daemon=True)
        self.b, self.expected, self.ended = b, False, False
        self.asked = self.failed = 0
        self.longest = self.restart_gap = 0.0

    def run(self):
        down_since, excused = None, False
        while not self.ended:
            ok, now = answers(self.b.port), time.monotonic()
            if ok:
                self.asked += 1
                down_since, excused = None, False
            else:
                down_since = down_since or now
                excused = excused or self.expected
                if excused:
                    self.restart_gap = max(self.restart_gap, now - down_since)
                else:
                    self.failed += 1
                    self.longest = max(self.longest, now - down_since)
            time.sleep(0.004)


class Model:
    """What must be live. Every generation is known by its bytes."""

    def __init__(self):
        self.live = self.lkg = None  # bytes
        self.held = None             # bytes that a rollback left
        self.failed = None           # bytes whose engine died

    def desire(self, rendered, dies, explicit=False):
        """rendered: bytes, or None where the configuration is broken."""
        if rendered is None or rendered == self.live:
            return
        if not explicit and rendered in (self.held, self.failed):
            return
        if dies:
            self.failed, self.held = rendered, None
            return
        self.live = self.lkg = rendered
        self.held = self.failed = None

    def roll_back(self, before):
        """To what was proved before: `before` is its bytes."""
        if b"fake: exit" in before:  # it was kept, but never lived; the service comes back from it
            self.held, self.failed = self.live, before
        else:
            self.held, self.live = self.live, before


class Run:
    def __init__(self, work):
        self.rng = random.Random(SEED)
        self.b = Bed(f"{work}/root")
        self.b.machine(settle=0, prove=0, more="keep_generations = 8\n")
        self.model = Model()
        self.prober = Prober(self.b)
        self.at_rest = False
        self.kill_at = set(self.rng.sample(range(EDITS), KILLS))
        self.serial = 0

    # --- edits ---
    def break_it(self, kind, tag):
        b, rng = self.b, self.rng
        managed = f"{b.root}/config-client/routing.rules.after-xp2p-managed.json"
        counts["broken"] += 1
        counts[f"broken: {kind}"] += 1
        {"syntax": lambda: bed.put(f"{b.root}/xp2p-client.toml", "[client\n"),
         "unknown key": lambda: b.toml(note=tag, more=f"colour_{self.serial} = 1\n"),
         "dead tag": lambda: bed.put(managed, json.dumps(
             {"rules": [{"type": "field", "domain": ["full:a.example"], "outboundTag": f"no-{tag}"}]})),
         "snippet": lambda: bed.put(f"{b.root}/config-client/outbounds.append.json",
                                    rng.choice(["{", '{"outbounds": 1}', "[]", "\0"])),
         "refused": lambda: b.snippet("check refuse no", tags=[tag]),
         "machine": lambda: bed.put(f"{b.root}/config.toml",
                                    rng.choice(["[apply]\nsettle_ms = -1\n", "apply = 1\n", "[runtim]\n"])),
         "dies": lambda: b.snippet("exit 7", tags=[tag])}[kind]()

    def mend(self, tag):
        """All files anew, so that nothing that was broken is left."""
        b, rng = self.b, self.rng
        managed = f"{b.root}/config-client/routing.rules.after-xp2p-managed.json"
        b.toml(note=tag)
        b.machine(more=f"keep_generations = {rng.randint(5, 9)}\n")
        b.snippet(tags=[tag] if rng.random() < 0.8 else [])
        bed.put(managed, json.dumps({"rules": [{"type": "field", "domain": [f"full:{rng.randint(0, 3)}.example"],
                                                "outboundTag": "direct"}]}))
        if rng.random() < 0.2:
            os.unlink(managed)

    def rendered(self):
        """What the compiler makes of what is desired now; None when it is broken or its checker would refuse it."""
        data = self.b.desired()
        return None if data is None or b"fake: check refuse" in data else data

    # --- the service ---
    def settled(self):
        """The service has nothing more to do: what it says of the desired inputs is final, its engine runs what is live."""
        s = self.b.status()
        if s.get("service", {}).get("pid") != self.b.proc.pid or s["desired"]["state"] not in ("applied", "failed", "held"):
            return False
        if s["desired"]["digest"] not in self.b.digests():
            return False
        return s["live"]["generation"] == self.b.link() and s["engine"]["state"] == "running" and \
            s["engine"]["generation"] == self.b.link() and s["last_known_good"]["generation"] == self.b.link("lkg")

    def agrees(self):
        return self.b.live_bytes() == self.model.live and self.settled()

    def check(self, what):
        if until(10, self.agrees):
            self.prober.expected = False
            self.at_rest = True
            return True
        counts["differences"] += 1
        live = self.b.live_bytes()
        tally.expect(f"edit {self.serial}, {what}: live is what the model says", live == self.model.live,
                     "live", live, "model", self.model.live, "desired", self.b.desired(), self.b.status(), self.b.stderr())
        tally.expect(f"edit {self.serial}, {what}: settled", self.settled(), self.b.status(), self.b.link(), self.b.stderr())
        self.model.live = live  # one difference is told once
        return False

    def model_edit(self, explicit=False):
        self.model.desire(self.rendered(), self.dies, explicit)

    def others(self):
        """What people do in between."""
        b, draw = self.b, self.rng.random() * 0.5
        if draw < 0.06:
            words = ("apply",) if draw < 0.03 else ("apply", "--wait=30")
            code, out, err = b.xrat(*words)
            counts[" ".join(words)[:12]] += 1
            want = self.rendered()
            expected = 0 if len(words) == 1 else 1 if want is None else 5 if self.dies else 0
            tally.expect(f"edit {self.serial}: {words} ends with {expected}", code == expected, code, out, err, b.stderr()[-1500:])
            self.model_edit(explicit=True)
            if len(words) == 1:
                until(10, lambda: not bed.get(f"{b.root}/.state/apply.request") or b.error().get("request_id"))
        elif draw < 0.09:
            with open(f"{b.root}/.state/apply.request", "a", encoding="utf-8"):
                os.utime(f"{b.root}/.state/apply.request")
            counts["touches"] += 1
            self.model_edit(explicit=True)
            until(10, lambda: not bed.get(f"{b.root}/.state/apply.request") or b.error().get("request_id"))
        elif draw < 0.13:
            self.roll_back()
        elif draw < 0.15:
            b.signal(signal.SIGHUP)

    def roll_back(self):
        b = self.b
        live, kept = b.link(), sorted(int(n) for n in os.listdir(f"{b.root}/.state/generations/client") if n.isdigit())
        to = [n for n in kept if n < live]
        code, out, err = b.xrat("rollback")
        counts["rollbacks"] += code == 0
        if not tally.expect(f"edit {self.serial}: rollback", code == (0 if to else 7), code, out, err) or not to:
            return
        self.model.roll_back(bed.get(f"{b.root}/.state/generations/client/{b.link():04d}/xray.json"))

    def step(self, i):
        kind = self.rng.choice(BREAKS) if self.rng.random() < 1 / 3 else None
        if kind == "dies" and not self.at_rest:
            self.check("before one that dies")  # or else what it goes back to were not proved
        self.serial += 1
        self.dies = kind == "dies"
        self.prober.expected = self.dies or not kind or not self.at_rest
        self.at_rest = False
        if kind:
            self.break_it(kind, f"edit-{self.serial}")
        else:
            self.mend(f"edit-{self.serial}")
        counts["edits"] += 1
        if i not in self.kill_at and not self.dies and self.rng.random() < 0.6:
            self.model_edit()
            if not kind and not until(10, lambda: self.b.live_bytes() == self.model.live, pause=0.005):
                self.check("edit")
            return
        if i in self.kill_at and self.rng.random() < 0.5:
            time.sleep(self.rng.random() * 0.15)  # in the middle of whatever it does
            self.model_edit()
            self.kill_blindly()
            self.check("killed in the middle")
            return
        self.model_edit()
        self.check("edit")
        self.prober.expected = True
        self.others()
        self.check("others")
        self.prober.expected = False
        if i in self.kill_at:
            self.restart_quietly()

    def kill_blindly(self):
        """At any moment; what it was at is finished by the next one."""
        mark = self.b.mark()
        self.b.kill()
        counts["kills"] += 1
        self.b.start()
        until(5, lambda: "took over" in self.b.stderr(mark) or "engine start" in self.b.stderr(mark))
        counts["adoptions"] += "took over" in self.b.stderr(mark)

    def restart_quietly(self):
        """Killed while all is well: the engine goes on, and the prober notices nothing."""
        self.prober.expected = False
        before, mark = self.b.engines(), self.b.mark()
        self.b.kill()
        counts["kills"] += 1
        counts["kills at rest"] += 1
        self.b.start()
        adopted = until(5, lambda: "took over the engine" in self.b.stderr(mark))
        counts["adoptions"] += bool(adopted)
        self.check("after a kill")
        tally.expect(f"edit {self.serial}: the same engine goes on", adopted and self.b.engines() == before, before,
                     self.b.engines(), self.b.stderr(mark))

    def run(self):
        b = self.b
        b.toml()
        self.model.desire(b.desired(), False)
        b.start()
        if not tally.expect("the first generation", until(10, self.agrees), b.stderr()):
            return
        self.prober.start()
        for i in range(EDITS):
            self.step(i)
            if i % 50 == 0:
                print(f"# {i} edits, {b.link()} generations, RssAnon {rss(b.proc.pid)} kB", flush=True)
        self.finish()

    def memory(self):
        """One service without a kill: what it holds after many edits is what it held after some."""
        b, seen = self.b, {}
        for n in range(EDITS + 1):
            if n in (EDITS // 5, EDITS):
                self.check("memory")
                seen[n] = rss(b.proc.pid)
            self.serial += 1
            b.snippet(tags=[f"memory-{n}"])
            if n % 3 == 2:
                bed.put(f"{b.root}/xp2p-client.toml", "[client\n")
            else:
                b.toml(note=str(n))
                self.model_edit()
                until(10, lambda: b.live_bytes() == self.model.live, pause=0.003)
        b.toml()
        self.model_edit()
        self.check("after all")
        first, last = seen[EDITS // 5], seen[EDITS]
        print(f"memory: RssAnon {first} kB after {EDITS // 5} edits, {last} kB after {EDITS}")
        if bed.VARIANT == "asan":
            tally.skip("memory does not grow with the edits: a sanitizer keeps what is freed")
        else:
            tally.expect("memory does not grow with the edits", last < first + 2048, first, last)

    def finish(self):
        b = self.b
        self.prober.expected = True
        b.machine(more="keep_generations = 5\n")
        b.toml(note="last")
        b.snippet(tags=["last"])
        bed.put(f"{b.root}/config-client/routing.rules.after-xp2p-managed.json", '{"rules": []}')
        self.dies = False
        self.model_edit()
        self.check("the last edit")
        self.prober.ended = True
        self.prober.join()
        self.memory()
        tally.expect("one engine at the end", len(b.engines()) == 1, b.engines())
        tally.expect("the service ends", b.stop() == 0)
        left = b.engines()
        tally.expect("no stray engine", not left, left)
        tally.expect("the engine answered but for its own restarts", not self.prober.failed, self.prober.failed,
                     self.prober.longest)
        leftovers(b)
        audited(b)
        counts["publishes"] = sum(1 for a in b.audit() if a.get("action") == "publish" and a.get("phase") == "end")
        tally.expect("no differences", not counts["differences"])
        print(f"probes: {self.prober.asked} answered, {self.prober.failed} failed outside of restarts (longest gap "
              f"{self.prober.longest * 1000:.0f} ms), longest restart {self.prober.restart_gap * 1000:.0f} ms")


def rss(pid):
    for line in (bed.get(f"/proc/{pid}/status") or b"").splitlines():
        if line.startswith(b"RssAnon"):
            return int(line.split()[1])
    return 0


def leftovers(b):
    """Temporary names, generations beyond those kept, requests and errors that nobody will ever answer."""
    bad = []
    for directory, names, files in os.walk(b.root):
        bad += [f"{directory}/{n}" for n in names + files
                if n.startswith((".new-", ".xrat-", ".tmp")) or n.endswith((".tmp", ".corrupt"))]
    tally.expect("no temporary names", not bad, bad)
    kept = os.listdir(f"{b.root}/.state/generations/client")
    tally.expect("generations are pruned", len(kept) <= 7, kept)
    rest = set(os.listdir(f"{b.root}/.state")) - {"generations", "live", "lkg", "locks", "status-client.json"}
    tally.expect("nothing else in .state", not rest, rest)
    wide = [p for p, d, f in os.walk(f"{b.root}/.state") for n in d + f
            if not os.path.islink(f"{p}/{n}") and os.stat(f"{p}/{n}").st_mode & 0o077]
    tally.expect("modes", not wide, wide)


def audited(b):
    """Every begin line of the role has its end before the next begins."""
    open_one, missing, lines = None, 0, b.audit()
    for line in lines:
        if line.get("phase") == "begin":
            missing += open_one is not None
            open_one = line
        elif line.get("phase") == "end":
            missing += open_one is None or open_one.get("generation") != line.get("generation")
            open_one = None
    tally.expect("every begin has its end", not missing and open_one is None, missing, open_one)
    counts["audit lines"] = len(lines)


def main():
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as work:
        at = time.monotonic()
        try:
            Run(work).run()
        finally:
            for b in bed.BEDS:
                b.end()
        print(f"seed {SEED}, {time.monotonic() - at:.0f} s: " +
              ", ".join(f"{n} {counts[n]}" for n in sorted(counts) if not n.startswith("broken: ")) +
              f", differences {counts['differences']}")
        print("broken: " + ", ".join(f"{n[8:]} {counts[n]}" for n in sorted(counts) if n.startswith("broken: ")))
    if tally.failed and "-q" not in sys.argv:
        print(f"again with XRAT_SEED={SEED}")
    tally.finish()


if __name__ == "__main__":
    main()
