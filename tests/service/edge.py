#!/usr/bin/env python3
"""The service beside others and where its surroundings change: commands while it runs, requests by hand, signals, a root
that goes and comes, roles that come later, no space, wrong clocks, an engine that is not there yet."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import bed
from bed import Bed, Tally, answers, free_port, until

tally = Tally("service")
expect = tally.expect


def ended(b, where):
    code = b.stop()
    left = b.end()
    expect(f"{where}: it ends with 0 and nothing is left", code == 0 and not left, code, left, b.stderr())


def request(b):
    return bed.get_json(f"{b.root}/.state/apply.request")


def asked_away(b, seconds=10):
    return until(seconds, lambda: bed.get(f"{b.root}/.state/apply.request") is None)


def second_watch(path):
    b = Bed(path)
    expect("second watch: the first", b.good(), b.stderr())
    code, out, err = b.xrat("watch", timeout=10)
    expect("second watch: exit 4 and who", code == 4 and f"process {b.proc.pid} " in err and not out, code, out, err)
    link = path + ".link"
    os.symlink(path, link)
    p = subprocess.run([bed.XRAT, "--root", link, "watch"], env=bed.ENV, capture_output=True, timeout=20, check=False)
    expect("second watch: by another name", p.returncode == 4, p)
    expect("second watch: the first goes on", b.serving(1) and b.proc.poll() is None)
    ended(b, "second watch")


def apply_during_watch(path):
    b = Bed(path, settle=60000, prove=1)
    b.machine(more="max_wait_ms = 600000\n")
    expect("apply during watch: generation 1", b.good(), b.stderr())
    b.toml(note="two", port=(port := free_port()))
    code, out, err = b.xrat("apply")
    expect("apply: queued", code == 0 and "queued" in out, code, out, err)
    expect("apply: published", b.proved(2, port=port) and asked_away(b), b.stderr())
    meta = bed.get_json(f"{b.root}/.state/live/config-client/meta.json")
    expect("apply: meta.json names the request", len(meta.get("request_id") or "") == 36, meta)
    asked = [a for a in b.audit() if a.get("action") == "request"]
    expect("apply: the request is in audit.log", asked and asked[-1].get("request_id") == meta.get("request_id"), asked)
    b.port = port
    b.snippet(tags=["three"])
    code, out, err = b.xrat("--format", "json", "apply", "--wait=20")
    result = json.loads(out)["result"] if code == 0 else {}
    expect("apply --wait: published, changed", code == 0 and '"changed": true' in out and b.link() == 3 and b.link("lkg") == 3,
           code, out, err, result)
    code, out, err = b.xrat("--format", "json", "apply", "--wait=20")
    expect("apply --wait: unchanged", code == 0 and '"changed": false' in out and "unchanged" in out and b.link() == 3,
           code, out, err)
    b.toml(note="broken", more="colour = 1\n")
    code, out, err = b.xrat("apply", "--wait=20")
    expect("apply --wait: refused with its place", code == 1 and "xp2p-client.toml:10:1" in err and b.link() == 3, code, out, err)
    expect("apply --wait: the service prints it too", "xp2p-client.toml:10:1" in b.stderr(), b.stderr())
    code, out, _ = b.xrat("status")
    expect("status: the place of the first error", "xp2p-client.toml:10:1: XR" in out, out)
    code, out, err = b.xrat("--format", "json", "apply", "--wait=20")
    expect("apply --wait: refused as JSON", code == 1 and not out and '"line": 10' in err, code, out, err)
    b.toml(note="mended")
    b.signal(signal.SIGSTOP)
    at = time.monotonic()
    code, out, err = b.xrat("apply", "--wait=1")
    expect("apply --wait: no verdict is exit 4", code == 4 and "stays queued" in err and time.monotonic() - at < 10, code, out, err)
    b.signal(signal.SIGCONT)
    expect("apply --wait: what was queued is done later", asked_away(b), request(b))
    both = [b.begin("apply", "--wait=20") for _ in range(2)]
    codes = [(p.communicate(timeout=60), p.returncode) for p in both]
    expect("two apply --wait at once", [c for _, c in codes] == [0, 0], codes)
    b.snippet(tags=["four"])
    both = [b.begin("--format", "json", "apply", "--wait=20") for _ in range(4)]
    codes = [(p.communicate(timeout=60), p.returncode) for p in both]
    expect("four apply --wait with something to do", [c for _, c in codes] == [0] * 4 and
           sum('"changed": true' in out for (out, _), _ in codes) >= 1, codes)
    b.snippet("exit 3")
    waiting = b.begin("apply", "--wait=30")
    until(10, lambda: request(b))
    b.signal(signal.SIGTERM)
    out, err = waiting.communicate(timeout=60)
    expect("apply --wait: the service ends", waiting.returncode in (4, 5), waiting.returncode, out, err)
    ended(b, "apply during watch")


def by_hand(path):
    """Requests as other programs write them."""
    b = Bed(path, settle=60000)
    b.machine(more="max_wait_ms = 600000\n")
    expect("by hand: generation 1", b.good(), b.stderr())
    name = f"{b.root}/.state/apply.request"
    uuid = "7d9a3b1e-5a52-4c0a-9a3e-0d6c3a1f2b4c"
    v1 = {"id": uuid, "timestamp": "2026-01-01T00:00:00Z", "role": "client"}
    forms = [("empty", ""), ("version 1", json.dumps(v1)), ("version 1 for any", json.dumps({**v1, "role": "any"})),
             ("version 2", json.dumps({"version": 2, "requests": {"client": v1}}))]
    for n, (what, text) in enumerate(forms):
        b.snippet(tags=[f"form-{n}"])
        bed.put(name, text)
        expect(f"by hand: {what}", b.proved(n + 2) and asked_away(b), request(b), b.stderr())
    b.snippet(tags=["touched"])
    with open(name, "ab"):
        os.utime(name)
    expect("by hand: touch", b.proved(len(forms) + 2) and asked_away(b), b.stderr())
    bed.put(name, '{"version": 2, "requests"')
    expect("by hand: a corrupt one is set aside", until(10, lambda: bed.get(name + ".corrupt") is not None and
                                                        "XR71" in b.stderr()), b.stderr(), os.listdir(b.root + "/.state"))
    expect("by hand: nothing is left over", asked_away(b) and not b.error(), request(b), b.error())
    ended(b, "by hand")


def signals(path):
    b = Bed(path, settle=60000)
    b.machine(more="max_wait_ms = 600000\n")
    expect("signals: generation 1", b.good(), b.stderr())
    b.snippet(tags=["hup"])
    b.signal(signal.SIGHUP)
    # The settle time is long here; only the look that SIGHUP asks for can be this quick.
    expect("SIGHUP: looks again at once", b.proved(2, seconds=5), b.stderr())
    pid = b.engines()
    expect("SIGTERM: ends with 0", b.stop() == 0, b.stderr())
    s = b.status()
    expect("SIGTERM: the last status", s["engine"]["state"] == "stopped" and not s["engine"]["pid"], s)
    expect("SIGTERM: the engine has ended", pid and not b.engines())
    code, out, _ = b.xrat("status")
    expect("status without a service says so", code == 0 and "not running" in out, out)
    b.start()
    expect("SIGINT: starts again", b.serving(2), b.stderr())
    b.signal(signal.SIGINT)
    expect("SIGINT: ends with 0", b.proc.wait(20) == 0 and not b.end(), b.stderr())


def vanishing_root(path):
    b = Bed(path)
    expect("vanishing root: generation 1", b.good(), b.stderr())
    pids = b.engines()
    os.rename(b.root, b.root + ".away")
    expect("vanishing root: it is told", until(10, lambda: "looked for again" in b.stderr()), b.stderr())
    expect("vanishing root: the engine goes on", answers(b.port))
    os.rename(b.root + ".away", b.root)
    b.snippet(tags=["back"])
    expect("vanishing root: it is back, and so are edits", b.proved(2), b.status(), b.stderr())
    expect("vanishing root: an engine at all times", pids)
    mark = b.mark()
    os.rename(b.root, b.root + ".away")
    expect("vanishing root: told a second time", until(10, lambda: "looked for again" in b.stderr(mark)), b.stderr(mark))
    shutil.rmtree(b.root + ".away")
    expect("vanishing root: removed, the engine goes on", answers(b.port))
    other, old = free_port(), b.port
    os.makedirs(f"{b.root}/config-client")
    b.machine()
    b.toml(port=other)
    ok = until(10, lambda: b.link() == 1 and b.engine_state() == ("running", 1) and answers(other))
    expect("vanishing root: made anew, its generation 1 runs", ok and not answers(old), b.status(), b.stderr(mark))
    expect("vanishing root: one engine", len(b.engines()) == 1, b.engines())
    b.port = other
    pids = b.engines()
    os.rename(f"{b.root}/.state", b.root + ".old-state")
    expect("no .state any more: made again", b.proved(1), b.stderr(mark))
    b.snippet(tags=["after"])
    expect("no .state any more: edits arrive", b.proved(2), b.status(), b.stderr(mark))
    expect("no .state any more: one engine", len(b.engines()) == 1, b.engines(), pids)
    ended(b, "vanishing root")


def releases(path):
    """CONFIG_ROOT is a link that a deployment switches."""
    b = Bed(path + ".a")
    b.toml()
    second = free_port()
    shutil.copytree(b.root, path + ".b")
    os.symlink(path + ".a", path)
    b.root = path
    b.start()
    expect("releases: the first", b.proved(1), b.stderr())
    first, b.port = b.port, second
    with open(path + ".b/xp2p-client.toml", "w", encoding="utf-8") as f:
        f.write(bed.TOML.format(note="b", port=second, more=""))
    os.symlink(path + ".b", path + ".next")
    os.rename(path + ".next", path)
    expect("releases: the second one runs, though both call it generation 1", b.proved(1) and not answers(first),
           b.status(), b.stderr())
    b.snippet(tags=["b2"])
    expect("releases: an edit in the second", b.proved(2), b.stderr())
    os.symlink(path + ".a", path + ".next")
    os.rename(path + ".next", path)
    b.port = first
    expect("releases: and back", b.proved(1) and not answers(second), b.status(), b.stderr())
    pids = [p for p, a in bed.process_of(path).items() if a[0].startswith(b.engine.encode())]
    expect("releases: one engine", len(pids) == 1, pids)
    ended(b, "releases")


def roles(path):
    b = Bed(path)
    expect("roles: client", b.good(), b.stderr())
    pids = b.engines()
    os.rename(f"{b.root}/xp2p-client.toml", f"{b.root}/away")
    expect("roles: a removed file is absent", until(5, lambda: b.status()["desired"]["state"] == "absent"), b.status())
    expect("roles: its engine goes on", answers(b.port) and b.engines() == pids)
    os.rename(f"{b.root}/away", f"{b.root}/xp2p-client.toml")
    expect("roles: back again", until(5, lambda: b.status()["desired"]["state"] == "applied") and b.link() == 1, b.status())
    other, tunnel, diag = free_port(), free_port(), free_port()
    os.makedirs(f"{b.root}/config-server", exist_ok=True)
    b.toml(role="server", port=other, more=f'host = "vpn.example.com"\ntrojan_port = {tunnel}\nport = {diag}\n'
           '[server.xray.inbounds.trojan]\nlisten = "127.0.0.1"\nsecurity = "none"\n[[server.users]]\n'
           'user_label = "a"\nactive_credential = "change-me"\n')
    got = until(10, lambda: b.link(role="server") == 1 and b.engine_state("server") == ("running", 1) and
                b.link("lkg", "server") == 1)
    expect("roles: a server added later runs beside", got and len(b.engines()) == 2, b.status("server"), b.stderr())
    expect("roles: the client's was left alone", set(pids) <= set(b.engines()))
    code, out, err = b.xrat("--role", "server", "apply", "--wait=20")
    expect("roles: apply for one", code == 0, code, out, err)
    code, out, err = b.xrat("apply", "--wait=20")
    expect("roles: apply for both", code == 0, code, out, err)
    before = sorted(b.engines())
    b.kill()
    b.start()
    until(10, lambda: b.stderr().count("took over the engine") == 2)
    expect("roles: both engines are adopted", b.serving(1) and sorted(b.engines()) == before, b.engines(), before, b.stderr())
    ended(b, "roles")


def bystander(path):
    """A pager with the file of the live generation in its arguments is no engine."""
    b = Bed(path)
    expect("bystander: generation 1", b.good(), b.stderr())
    live = f"{b.root}/.state/generations/client/0001/xray.json"
    tail = subprocess.Popen(["tail", "-f", live], stdout=subprocess.DEVNULL)
    engine = b.engines()
    b.kill()
    b.start()
    expect("bystander: the engine is adopted", until(10, lambda: "took over" in b.stderr()) and b.serving(1) and
           b.engines() == engine, b.engines(), b.stderr())
    expect("bystander: and it lives", tail.poll() is None)
    b.kill()
    for p in engine:
        os.kill(p, signal.SIGKILL)
    until(5, lambda: not b.engines())
    mark = b.mark()
    b.start()
    expect("bystander: with no engine there, it is not taken for one", b.serving(1) and "took over" not in b.stderr(mark) and
           tail.poll() is None, b.stderr(mark))
    tail.kill()
    tail.wait()
    ended(b, "bystander")


def file_times(path):
    """Times of files decide nothing."""
    b = Bed(path)
    expect("file times: generation 1", b.good(), b.stderr())
    for n, when in enumerate((0, 4102444800)):
        b.snippet(tags=[f"at-{when}"])
        os.utime(f"{b.root}/config-client/outbounds.append.json", (when, when))
        os.utime(f"{b.root}/xp2p-client.toml", (when, when))
        expect(f"file times: {when}", b.proved(n + 2), b.stderr())
    for name in ("apply.request", "locks/service.lock"):
        if os.path.exists(f"{b.root}/.state/{name}"):
            os.utime(f"{b.root}/.state/{name}", (0, 0))
    for p in (f"{b.root}/.state/live/config-client/{n}" for n in ("meta.json", "xray.json")):
        os.utime(p, (4102444800, 4102444800))
    b.kill()
    b.start()
    until(5, lambda: (b.status().get("desired") or {}).get("state") == "applied" and
          b.status()["service"]["pid"] == b.proc.pid)
    expect("file times: a new service changes nothing", b.serving(3) and b.link() == 3, b.stderr())
    ended(b, "file times")


def clock_jumps(path):
    """The wall clock jumps for the service while it runs, through a preloaded library where there is one."""
    lib = next((p for p in ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
                            "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1") if os.path.exists(p)), None)
    if not lib:
        tally.skip("clock jumps: no libfaketime; tests/fault moves the clock of the commands by itself")
        return
    b = Bed(path)
    b.toml()
    bed.put(path + ".time", "+0d\n")
    b.start(env={"LD_PRELOAD": lib, "FAKETIME_TIMESTAMP_FILE": path + ".time", "FAKETIME_NO_CACHE": "1",
                 "DONT_FAKE_MONOTONIC": "1"})
    expect("clock jumps: generation 1", b.proved(1), b.stderr())
    for n, jump in enumerate(("+400d", "-400d", "+0d")):
        bed.put(path + ".time", jump + "\n")
        b.snippet(tags=[f"jump-{n}"])
        expect(f"clock jumps: {jump}", b.proved(n + 2), b.stderr())
    ended(b, "clock jumps")


def full_disk(path):
    """.state on a small file system of its own; the service lives in a mount namespace."""
    b = Bed(path)
    b.toml()
    os.makedirs(f"{b.root}/.state", mode=0o700)
    probe = subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "none", f"{b.root}/.state"], capture_output=True, check=False)
    if probe.returncode:
        tally.skip("full disk: no user and mount namespaces here")
        return
    with open(b.log, "ab") as log:
        b.proc = subprocess.Popen(
            ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=512k none "$1/.state" && exec "$2" --root "$1" watch', "sh",
             b.root, bed.XRAT], env=bed.ENV, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    inside = f"/proc/{b.proc.pid}/root{b.root}/.state"

    def seen(name):
        try:
            return bed.get_json(f"{inside}/{name}")
        except OSError:
            return {}

    def runs(n):
        e = seen("status-client.json").get("engine") or {}
        return (e.get("state"), e.get("generation")) == ("running", n)

    expect("full disk: generation 1", until(10, lambda: runs(1) and answers(b.port)), b.stderr())
    try:
        with open(f"{inside}/filler", "wb", buffering=0) as f:
            while f.write(b"x" * 4096) == 4096:
                pass
    except OSError:
        pass
    mark = b.mark()
    b.snippet(tags=["full"])
    expect("full disk: it says so and tries again", until(10, lambda: "space" in b.stderr(mark).lower() and
                                                          "tried again in" in b.stderr(mark)), b.stderr(mark))
    expect("full disk: the service stays, the engine goes on", b.proc.poll() is None and until(5, lambda: answers(b.port)),
           b.stderr(mark))
    os.unlink(f"{inside}/filler")
    expect("full disk: the retry works once there is space", until(20, lambda: runs(2) and answers(b.port)), b.stderr(mark))
    expect("full disk: ends", b.stop() == 0 and not b.end(), b.stderr())


def json_log(path):
    b = Bed(path)
    b.toml()
    b.start("--format", "json")
    b.proved(1)
    bed.put(f"{b.root}/xp2p-client.toml", "[client\n")
    until(5, lambda: "kept generation" in b.stderr())
    b.toml(note="good")
    b.snippet("exit 3")
    until(10, lambda: "did not live" in b.stderr())
    b.stop()
    lines = b.stderr().splitlines()
    try:
        parsed = [json.loads(line) for line in lines]
    except ValueError as e:
        parsed = []
        expect("JSON log: every line is JSON", False, e, b.stderr())
    expect("JSON log: time, level and message", len(parsed) > 8 and
           all(bed.RFC3339.match(x["time"]) and x["level"] in ("note", "warning", "error") and x["message"] for x in parsed), lines)
    expect("JSON log: the place of an error", any((x.get("diagnostic") or x).get("line") == 1 for x in parsed), lines)
    b.end()


def no_engine_yet(path):
    b = Bed(path)
    os.rename(b.engine, b.engine + ".later")
    b.toml()
    b.start()
    expect("no engine: nothing is published, and it says why", until(10, lambda: "tried again in" in b.stderr()) and
           b.link() == 0 and "v2ray" in b.stderr(), b.stderr())
    until(5, lambda: b.status())
    expect("no engine: status", b.status()["desired"]["state"] == "waiting" and "v2ray" in b.status()["desired"]["reason"],
           b.status())
    os.rename(b.engine + ".later", b.engine)
    expect("no engine: published by the retry", b.proved(1, seconds=15), b.stderr())
    expect("no engine: the failure is forgotten", until(5, lambda: not b.error()), b.error())
    os.rename(b.engine, b.engine + ".later")
    b.snippet(tags=["two"])
    expect("no engine: gone again, the running one goes on", until(10, lambda: b.status()["desired"]["state"] == "waiting") and
           answers(b.port) and b.link() == 1, b.status())
    os.rename(b.engine + ".later", b.engine)
    b.snippet(tags=["three"])
    expect("no engine: an edit does not wait for the retry", until(5, lambda: b.live_bytes() == b.desired()) and
           b.proved(b.link()), b.stderr())
    ended(b, "no engine")


def hold(path):
    """After a rollback by hand the input it left is held; status tells the three apart."""
    b = Bed(path)
    expect("hold: generation 1", b.good(), b.stderr())
    b.snippet(tags=["two"])
    expect("hold: generation 2", b.proved(2), b.stderr())
    code, out, err = b.xrat("rollback")
    expect("hold: rollback", code == 0 and b.serving(1), code, out, err, b.stderr())
    expect("hold: held", until(5, lambda: b.status()["desired"]["state"] == "held"), b.status())
    b.toml(note="touched, so another digest, but the same render")
    b.signal(signal.SIGHUP)
    until(5, lambda: b.status()["desired"]["digest"] in b.digests())
    expect("hold: the same render is held", b.status()["desired"]["state"] == "held" and b.link() == 1, b.status())
    s, text = b.status(), b.xrat("status")[1]
    expect("hold: status tells live from what is desired, and why", s["live"]["generation"] == 1 and
           "held" in text and "generation 1" in text and "xrat apply" in text, text)
    b.stop()
    b.start()
    until(5, lambda: b.status()["service"]["pid"] == b.proc.pid and b.status()["desired"]["state"] == "held")
    expect("hold: over a restart", b.serving(1) and b.status()["desired"]["state"] == "held", b.status())
    code, out, err = b.xrat("apply", "--wait=20")
    expect("hold: an explicit apply takes it", code == 0 and b.proved(3), code, out, err, b.stderr())
    expect("hold: status is applied", until(5, lambda: b.status()["desired"]["state"] == "applied"), b.status())
    ended(b, "hold")


def rollback_of_a_request(path):
    """A rollback while a requested apply is being proved: the request does not bring it back."""
    b = Bed(path)
    expect("rollback of a request: generation 1", b.good(), b.stderr())
    b.machine(prove=30, settle=60000, more="max_wait_ms = 600000\n")
    b.snippet(tags=["two"])
    waiting = b.begin("apply", "--wait=30")
    expect("rollback of a request: generation 2 runs", b.serving(2), b.stderr())
    code, out, err = b.xrat("rollback")
    expect("rollback of a request: back", code == 0, code, out, err)
    held = until(10, lambda: b.status()["desired"]["state"] == "held")
    expect("rollback of a request: it is held", held and b.serving(1) and b.link() == 1, b.status(), b.stderr())
    out, err = waiting.communicate(timeout=60)
    expect("rollback of a request: who waits is told", waiting.returncode not in (0, None), waiting.returncode, out, err)
    ended(b, "rollback of a request")


def edits(path):
    """One rename, one write in place; tests/watch has the editors."""
    b = Bed(path, settle=50)
    expect("edits: generation 1", b.good(), b.stderr())
    b.snippet(tags=["by-rename"])
    expect("edits: a rename reaches the engine", b.proved(2), b.stderr())
    with open(f"{b.root}/config-client/outbounds.append.json", "w", encoding="utf-8") as f:
        f.write(bed.outbounds(tags=["in-place"]))
    expect("edits: a write in place reaches the engine", b.proved(3), b.stderr())
    os.makedirs(f"{b.root}/others")
    shutil.copy(f"{b.root}/config-client/outbounds.append.json", f"{b.root}/others/")
    with open(f"{b.root}/xp2p-client.toml", "w", encoding="utf-8") as f:
        f.write(bed.TOML.format(note="", port=b.port, more="").replace("[client]\n", '[client]\nconfig_dir = "others"\n'))
    expect("edits: another directory of snippets, same content", until(5, lambda: b.status()["desired"]["state"] == "applied"))
    bed.put(f"{b.root}/others/outbounds.append.json", bed.outbounds(tags=["other-dir"]))
    expect("edits: it is watched", b.proved(4), b.stderr())
    ended(b, "edits")


CASES = (second_watch, apply_during_watch, by_hand, signals, vanishing_root, releases, roles, bystander, file_times,
         clock_jumps, full_disk, json_log, no_engine_yet, hold, rollback_of_a_request, edits)


def guarded(fn, path):
    try:
        fn(path)
    except Exception as e:  # one case must not take the others along
        expect(f"{fn.__name__}: {e!r}", False, traceback.format_exc())


def main():
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as work:
        threads = [threading.Thread(target=guarded, args=(fn, f"{work}/{fn.__name__}")) for fn in CASES
                   if not wanted or fn.__name__ in wanted]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for b in bed.BEDS:
            b.end()
    tally.finish()


if __name__ == "__main__":
    main()
