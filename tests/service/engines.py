#!/usr/bin/env python3
"""What the service makes of an engine that misbehaves: a generation whose engine does not live is tried twice and rolled
back with the reason shown everywhere; a proved one stays. Each case runs by itself, all of them at the same time."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import bed
from bed import Bed, Tally, answers, free_port, until

tally = Tally("fake engines")
figures, figures_lock = {}, threading.Lock()


def figure(name, value):
    with figures_lock:
        figures.setdefault(name, []).append(value)


class Stranger:
    """Another process that holds a port."""

    def __enter__(self):
        self.proc = subprocess.Popen(
            [sys.executable, "-c", "import socket, sys; s = socket.socket(); s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen(); "
             "print(flush=True)\nwhile True: s.accept()[0].close()", str(port := free_port())], stdout=subprocess.PIPE, text=True)
        self.port = port
        self.proc.stdout.readline()
        return self

    def __exit__(self, *_):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()


# behaviours of the bad one | words of the reason, in status, apply.error and stderr | seconds the two starts may take | prove
BAD = {
    "never binds": (["never-bind"], ["not ready within 10 s", "nothing listens on 127.0.0.1:"], 40, 1),
    "binds too late": (["bind-after 15000"], ["not ready within 10 s"], 40, 1),
    "exits at once": (["say no such geoip file", "exit 23"], ["ended with status 23", "no such geoip file"], 12, 1),
    "dies after 3 s": (["die-after 3000"], ["ended with status 3 after 3"], 25, 5),
    "ignores SIGTERM and never binds": (["ignore-term", "never-bind"], ["not ready within 10 s"], 50, 1),
    "listens on a wrong port": (["port {spare}"], ["nothing listens on", "it listens on 127.0.0.1:{spare}"], 40, 1),
    "forks": (["background"], ["went into the background"], 25, 1),
    "forks into a session of its own": (["daemonise"], ["went into the background"], 25, 1),
    "a stranger holds the port": ([], ["127.0.0.1:{stranger} is held by pid "], 25, 1),
}


def make_bad(b, name, stranger, spare):
    behaviours = [x.format(spare=spare) for x in BAD[name][0]]
    b.snippet(*behaviours)
    b.toml(note="bad", port=stranger.port if "stranger" in name else b.port)


def shown(b, words, where, kind):
    """The reason stands where an operator looks."""
    code, text, err = b.xrat("status")
    tally.expect(f"{where}: status shows why", code == 0 and all(w in text for w in words), words, text, err)
    code, text, err = b.xrat("--format", "json", "status")
    role = json.loads(text)["result"]["roles"][0] if code == 0 else {}
    failure = role.get("failure") or {}
    tally.expect(f"{where}: status --format json shows why", failure.get("kind") == kind and
                 all(w in failure.get("reason", "") for w in words), words, text, err)
    seen = role.get("last_seen") or {}
    tally.expect(f"{where}: status calls it failed", (seen.get("desired") or {}).get("state") == "failed", seen.get("desired"))
    error = b.error()
    tally.expect(f"{where}: apply.error shows why", error.get("kind") == kind and
                 all(w in error["reason"] for w in words), words, error)
    tally.expect(f"{where}: stderr shows why", bed.only_line(b.stderr(), "did not live", *words), words, b.stderr())


def starts_of(b, mark):
    return b.stderr(mark).count("engine starting")


def request_of(b):
    return bed.get_json(f"{b.root}/.state/apply.request").get("requests", {}).get("client", {}).get("id")


def not_again(b, where):
    """What is remembered is not applied again by itself: neither on a look at everything nor by another service."""
    before = b.switches()
    for _ in range(3):
        written = b.status().get("written")
        b.toml(note="bad", port=b.bad_port)
        b.signal(signal.SIGHUP)
        until(3, lambda w=written: b.status().get("written") != w and b.status()["desired"]["state"] == "failed")
    b.stop()
    b.start()
    back = until(10, lambda: b.status().get("service", {}).get("pid") == b.proc.pid and
                 (b.status()["desired"] or {}).get("state") == "failed" and b.engine_state() == ("running", b.good_one))
    tally.expect(f"{where}: a new service runs the good one and says that the other failed", back, b.status(), b.stderr())
    tally.expect(f"{where}: no switch by itself", b.switches() == before and b.link() == b.good_one, b.switches(), before)
    figure("switches by itself after a rollback", b.switches() - before)


def unblocks(b, where, by_request):
    """A good edit is live in normal time."""
    b.snippet(tags=["mended"])
    b.toml(note="good again")
    desired = b.desired()
    at = time.monotonic()
    if by_request:
        tally.expect(f"{where}: a good edit, apply --wait", b.xrat("apply", "--wait=20")[0] == 0, b.stderr())
    ok = until(10, lambda: b.live_bytes() == desired) and b.serving(b.link())
    figure("ms from a good edit to serving, after a rollback", int((time.monotonic() - at) * 1000))
    tally.expect(f"{where}: a good edit is served", ok and b.proved(b.link()), b.status(), b.stderr())
    tally.expect(f"{where}: and nothing is left of the failure", until(5, lambda: not b.error() and not request_of(b)),
                 b.error(), request_of(b))


def after_good(path, name, by_request):
    """Generation 1 is good and proved; generation 2 is bad."""
    words, seconds, prove = BAD[name][1:]
    where = f"{name}, {'apply --wait' if by_request else 'edit'} after a good one"
    with Stranger() as stranger:
        spare = free_port()
        b = Bed(path, prove=min(prove, 1), settle=0)
        if not tally.expect(f"{where}: generation 1 is proved", b.good(), b.stderr()):
            return b.end()
        b.machine(prove=prove, settle=60000 if by_request else 0, more="max_wait_ms = 600000\n")
        expect_live = 1
        if not by_request:
            until(3, lambda: b.status()["desired"]["state"] == "applied")
        else:
            b.signal(signal.SIGHUP)  # the longer settle time is taken over, which makes no new generation
            until(3, lambda: b.xrat("apply", "--wait=5")[0] == 0)
        good_bytes, mark = b.live_bytes(), b.mark()
        b.good_one, b.bad_port = expect_live, stranger.port if "stranger" in name else b.port
        words = [w.format(spare=spare, stranger=stranger.port) for w in words]
        make_bad(b, name, stranger, spare)
        waiting = b.begin("apply", f"--wait={seconds + 10}") if by_request else None
        switched = until(10, lambda: b.link() == 2)
        begin = time.monotonic()
        tally.expect(f"{where}: generation 2 is live for a time", switched, b.stderr(mark))
        rolled = until(seconds, lambda: b.link() == 1)
        back = time.monotonic()
        served = rolled and b.serving(1)
        end = time.monotonic()
        tally.expect(f"{where}: the last known good serves again", served and b.live_bytes() == good_bytes,
                     b.status(), b.stderr(mark))
        figure(f"ms from bad start to LKG serving: {name}", int((end - begin) * 1000))
        figure("ms from the verdict to LKG serving", int((end - back) * 1000))
        tally.expect(f"{where}: two starts, then the last known good", starts_of(b, mark) == 3, b.stderr(mark))
        until(3, lambda: b.error() and b.status()["desired"]["state"] == "failed")
        if by_request:
            out, err = waiting.communicate(timeout=30)
            tally.expect(f"{where}: exit 5 and why", waiting.returncode == 5 and all(w in out + err for w in words),
                         waiting.returncode, out, err)
        shown(b, words, where, "engine_died")
        tally.expect(f"{where}: one engine is left", len(b.engines()) == 1, b.engines())
        if not by_request:
            not_again(b, where)
        unblocks(b, where, by_request)
        tally.expect(f"{where}: it ends", b.stop() == 0)
        tally.expect(f"{where}: no engine is left", not b.end(), b.stderr())
    return None


def first_one(path, name, by_request):
    """The very first generation is bad: it stays, since there is nothing to go back to, and is tried again slowly."""
    words, seconds, prove = BAD[name][1:]
    where = f"{name}, {'apply --wait' if by_request else 'start'} as the first one"
    with Stranger() as stranger:
        spare = free_port()
        b = Bed(path, prove=prove)
        words = [w.format(spare=spare, stranger=stranger.port) for w in words]
        if by_request:
            b.start()
            until(5, lambda: "reading" in b.stderr())
            os.rename(f"{b.root}/config-client", f"{b.root}/away")  # so that the request is what applies it
            os.rename(f"{b.root}/away", f"{b.root}/config-client")
        make_bad(b, name, stranger, spare)
        waiting = None
        if by_request:
            waiting = b.begin("apply", f"--wait={seconds + 30}")
        else:
            b.start()
        failed = until(seconds, lambda: b.engine_state()[0] == "failed" and b.error().get("kind") == "engine_failed" and
                       b.status()["desired"]["state"] == "failed")
        tally.expect(f"{where}: it failed", failed and b.link() == 1 and b.link("lkg") == 0, b.status(), b.stderr())
        tally.expect(f"{where}: two starts", starts_of(b, 0) == 2, b.stderr())
        if waiting:
            out, err = waiting.communicate(timeout=60)
            tally.expect(f"{where}: exit 3 and why", waiting.returncode == 3 and all(w in out + err for w in words),
                         waiting.returncode, out, err)
        shown(b, words, where, "engine_failed")
        tally.expect(f"{where}: no engine is left", until(10, lambda: not b.engines()), b.engines())
        unblocks(b, where, by_request)
        tally.expect(f"{where}: it ends", b.stop() == 0 and not b.end(), b.stderr())


# --- others than the table ---

def good_but_slow(path):
    """Binds late, but not too late, and ignores SIGTERM: a good one; ending it takes a SIGKILL."""
    b = Bed(path, prove=1)
    b.snippet("bind-after 2000", "ignore-term")
    b.toml()
    b.start()
    tally.expect("binds late: it is waited for", b.proved(1, seconds=8), b.stderr())
    b.snippet(tags=["next"])
    tally.expect("ignores SIGTERM: killed after 5 s, and the next one serves", b.proved(2, seconds=12), b.stderr())
    b.snippet("ignore-term")
    tally.expect("ignores SIGTERM: proved", b.proved(3, seconds=8), b.stderr())
    pids = b.engines()
    code = b.stop()
    tally.expect("ignores SIGTERM: the service ends all the same", code == 0 and len(pids) == 1 and not b.end(),
                 code, pids, b.stderr())


def checker_refuses(path, first):
    where = f"the checker refuses {'the first one' if first else 'after a good one'}"
    b = Bed(path, prove=0)
    if not first:
        tally.expect(f"{where}: generation 1", b.good(), b.stderr())
    pids, before, words = b.engines(), b.live_bytes(), "the moon is in the wrong phase"
    b.snippet(f"check refuse {words}")
    b.toml(note="bad")
    if first:
        b.start()
    tally.expect(f"{where}: nothing is published", until(5, lambda: b.error()) and b.link() == (0 if first else 1) and
                 b.live_bytes() == before, b.stderr())
    tally.expect(f"{where}: stderr", until(5, lambda: words in b.stderr() and "XR701" in b.stderr()), b.stderr())
    tally.expect(f"{where}: apply.error", words in json.dumps(b.error()), b.error())
    tally.expect(f"{where}: its kind", b.error().get("kind") == "engine_check", b.error())
    until(3, lambda: (b.status().get("desired") or {}).get("state") == "failed")
    tally.expect(f"{where}: status", words in b.xrat("status")[1], b.xrat("status"))
    tally.expect(f"{where}: status as JSON", words in b.xrat("--format", "json", "status")[1])
    code, out, err = b.xrat("apply", "--wait=20")
    tally.expect(f"{where}: apply --wait ends with 1 and why", code == 1 and words in out + err, code, out, err)
    code, out, err = b.xrat("--format", "json", "apply", "--wait=20")
    tally.expect(f"{where}: as JSON", code == 1 and words in out + err, code, out, err)
    tally.expect(f"{where}: the engine goes on", first or b.engines() == pids, b.engines(), pids)
    b.snippet()
    tally.expect(f"{where}: a good edit", b.proved(1 if first else 2) or b.link() == 1, b.stderr())
    tally.expect(f"{where}: ends", b.stop() == 0 and not b.end())


def proved_one_dies(path):
    """A proved generation stays, whatever its engine does, and is tried again and again, loudly and slowly."""
    b = Bed(path, prove=0)
    tally.expect("proved and dies: generation 1", b.good(), b.stderr())
    bed.put(b.engine + ".behave", "say out of cheese\nexit 9\n")
    os.kill(b.engines()[0], signal.SIGKILL)
    loud = until(20, lambda: "failed 5 times in a row, from now on tried every 30 s" in b.stderr())
    begin = time.monotonic()
    tally.expect("proved and dies: loud after the fifth", loud and "out of cheese" in b.stderr(), b.stderr())
    until(5, lambda: b.engine_state()[0] == "backoff" and b.status()["engine"]["starts"] >= 5)
    s = b.status()
    tally.expect("proved and dies: it stays, and status says when the next start is",
                 b.link() == 1 and s["engine"]["state"] == "backoff" and s["engine"]["next_start"] and
                 "out of cheese" in s["engine"]["reason"] and b.switches() == 1, s)
    tally.expect("proved and dies: status as text", "out of cheese" in b.xrat("status")[1], b.xrat("status"))
    os.unlink(b.engine + ".behave")
    tally.expect("proved and dies: the slow retry brings it back", b.serving(1, seconds=35), b.status(), b.stderr())
    figure("s until the slow retry", round(time.monotonic() - begin))
    bed.put(b.engine + ".behave", "exit 9\n")
    os.kill(b.engines()[0], signal.SIGKILL)
    until(20, lambda: b.engine_state()[0] == "backoff" and b.status()["engine"]["starts"] >= 3)
    os.unlink(b.engine + ".behave")
    b.snippet(tags=["edited"])
    tally.expect("proved and dies: an edit does not wait for the retry", b.proved(2, seconds=5), b.stderr())
    tally.expect("proved and dies: ends", b.stop() == 0 and not b.end())


def other_engine(path):
    """Remembered is what failed with this engine: another version or another path is tried."""
    b = Bed(path, prove=0)
    tally.expect("another engine: generation 1", b.good(), b.stderr())

    def fails(why, number):
        mark = b.mark()
        ok = until(10, lambda: f"generation {number} did not live" in b.stderr(mark)) and b.serving(1)
        return tally.expect(f"another engine: {why}", ok, b.status(), b.stderr(mark))

    b.snippet("exit 4")
    fails("it fails with the first", 2)
    before = b.switches()
    shutil.copy(bed.FAKE, b.engine + ".new")
    os.utime(b.engine + ".new", (1e9, 1e9))
    os.rename(b.engine + ".new", b.engine)
    b.signal(signal.SIGHUP)
    fails("a new version unblocks", 3)
    os.mkdir(b.engine + ".d")
    other = f"{b.engine}.d/v2ray"
    shutil.copy2(bed.FAKE, other)
    b.machine(engine=other)
    fails("another path unblocks", 4)
    tally.expect("another engine: two switches each", b.switches() == before + 4, b.switches(), before)
    bed.put(other + ".behave", "say this one can do it\n")
    os.utime(other, (1.1e9, 1.1e9))
    b.signal(signal.SIGHUP)
    # Obeys its tags all the same, so it fails again; without the tag the same input would not be the same.
    fails("once more with another time", 5)
    code, out, err = b.xrat("apply", "--wait=20")
    tally.expect("another engine: an explicit apply is always tried", code == 5 and "status 4" in out + err, code, out, err)
    b.snippet(tags=["mended"])
    tally.expect("another engine: the good one", until(5, lambda: b.live_bytes() == b.desired()) and
                 b.serving(b.link()), b.stderr())
    tally.expect("another engine: ends", b.stop() == 0 and not b.end())


def no_loop(path):
    """After a rollback the service looks again and again; nothing is switched."""
    b = Bed(path, prove=0)
    tally.expect("no loop: generation 1", b.good(), b.stderr())
    b.snippet("exit 4")
    tally.expect("no loop: rolled back", until(10, lambda: "did not live" in b.stderr()) and b.serving(1), b.stderr())
    before, looks = b.switches(), 0
    for i in range(60):
        written = b.status()["written"]
        if i % 3 == 0:
            b.signal(signal.SIGHUP)
        elif i % 3 == 1:
            b.snippet("exit 4")
        elif i % 12 == 2:
            b.kill()
            b.start()
        else:
            b.xrat("status")
            b.signal(signal.SIGHUP)
        looks += bool(until(3, lambda w=written: b.status()["written"] != w))
    tally.expect("no loop: nothing was switched", b.switches() == before and b.link() == 1, b.switches(), before)
    tally.expect("no loop: it looked", looks >= 55, looks)
    print(f"rollback loop: {looks} looks at the same bad input, {b.switches() - before} switches")
    tally.expect("no loop: ends", b.stop() == 0 and not b.end())


def alternate(path):
    """A bad edit, then a good one: the good one is live in normal time, however often."""
    b = Bed(path, prove=0)
    tally.expect("alternations: generation 1", b.good(), b.stderr())
    port_lines = f"[client]\nallow_direct = true\n[client.xray.inbounds.socks]\nport = {b.port}\n"
    bad = [lambda: bed.put(f"{b.root}/xp2p-client.toml", "[client\n"),
           lambda: bed.put(f"{b.root}/xp2p-client.toml", port_lines + "no_such_key = 1\n"),
           lambda: b.snippet("check refuse never"),
           lambda: bed.put(f"{b.root}/config-client/outbounds.append.json", "{"),
           lambda: b.snippet("exit 3")]
    slowest, stuck, done, end = 0, 0, 0, time.monotonic() + 20
    while time.monotonic() < end:
        bad[done % len(bad)]()
        time.sleep(0.002 * (done % 7))  # where in the work the good edit falls is the point
        tag = f"turn-{done}"
        b.snippet(tags=[tag])
        b.toml(note=tag)
        at = time.monotonic()
        stuck += not until(10, lambda t=tag: t.encode() in (b.live_bytes() or b""), pause=0.003)
        slowest = max(slowest, time.monotonic() - at)
        done += 1
    tally.expect("alternations: none is stuck", not stuck and done >= 50, stuck, done, b.stderr()[-3000:])
    tally.expect("alternations: the last one runs", b.serving(b.link()), b.status(), b.stderr())
    print(f"bad edit, good edit: {done} alternations, {stuck} stuck, slowest {int(slowest * 1000)} ms to live")
    tally.expect("alternations: ends", b.stop() == 0 and not b.end())


def cases():
    for name in BAD:
        slug = name.replace(" ", "-")
        for by_request in (False, True):
            yield f"{slug}-{by_request:d}", after_good, (name, by_request)
            yield f"{slug}-first-{by_request:d}", first_one, (name, by_request)
    for fn in (good_but_slow, proved_one_dies, other_engine, no_loop):
        yield fn.__name__, fn, ()
    yield "refused", checker_refuses, (False,)
    yield "refused-first", checker_refuses, (True,)


def guarded(name, fn, *args):
    try:
        fn(*args)
    except Exception as e:  # noqa: BLE001 one case must not take the others along
        import traceback
        tally.expect(f"{name}: {e!r}", False, traceback.format_exc())


def main():
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as work:
        threads = [threading.Thread(target=guarded, args=(n, fn, f"{work}/{n}", *args)) for n, fn, args in cases()
                   if not wanted or any(w in n for w in wanted)]
        for t in threads:
            t.start()
            time.sleep(0.1)
        for t in threads:
            t.join()
        if not wanted or "alternate" in wanted:
            guarded("alternate", alternate, f"{work}/alternate")
        for b in bed.BEDS:
            b.end()
    for name, values in sorted(figures.items()):
        print(f"{name}: {min(values)} to {max(values)}" if len(values) > 1 else f"{name}: {values[0]}")
    tally.finish()


if __name__ == "__main__":
    main()
