#!/usr/bin/env python3
"""oom.py LIBRARY SCRATCH: the 1st, 2nd, 3rd… allocation of an engine fails, once alone and once from there on. It ends with 3
and says why, or it starts; then a connection and a reload may fail, the engine may not: it still answers signals and ends
with 0. LIBRARY is tests/fault/oom.c."""
import concurrent.futures
import os
import select
import signal
import socket
import subprocess
import sys

from engbed import ENGINE, ENV, LIMIT, Bed, Failed, echo

CONFIG = {
    "stats": {}, "policy": {"levels": {"0": {"connIdle": 60}}, "system": {"statsInboundUplink": True}},
    "dns": {"hosts": {"name.test": "127.0.0.1"}, "servers": ["127.0.0.1"]},
    "routing": {"domainStrategy": "IPIfNonMatch", "rules": [
        {"domain": ["regexp:^a.*b$", "domain:black.test", "keyword:zzz"], "outboundTag": "block"},
        {"ip": ["10.0.0.0/8"], "port": "1-99", "outboundTag": "block", "ruleTag": "r"}]},
}
# RE2 does not survive memory running out while it compiles: a reload then ends the engine, as a start does.
RELOADED = {**CONFIG, "routing": {"rules": [{"domain": ["domain:black.test", "keyword:zzz"], "outboundTag": "block"}]}}


def finish(p):
    """Both at once: the second does not wait for connections."""
    p.send_signal(signal.SIGTERM)
    p.send_signal(signal.SIGINT)
    return p.wait(LIMIT)


def wait_for(notify, p):
    """Whether a message is there; False when the process has ended."""
    end = os.pidfd_open(p.pid)
    ready = select.select([notify, end], [], [], LIMIT)[0]
    os.close(end)
    if not ready:
        raise Failed("a hang")
    return notify in ready


def use(b, server, p, notify):
    """A connection by name and a reload; what they come to does not matter."""
    for host in ("127.0.0.1", "name.test"):
        try:
            s = b.socks(server.port, host)
            s.sendall(b"bytes")
            s.recv(5)
        except (OSError, Failed):
            pass
    b.put(b.config(log={"loglevel": "none"}, **RELOADED))
    p.send_signal(signal.SIGHUP)
    for _ in range(2):
        if not wait_for(notify, p):
            return "no answer to a reload"
        notify.recv(4096)
    return ""


def run(library, scratch, name, server, at, more):
    b = Bed(name, scratch)
    try:
        b.put(b.config(log={"loglevel": "none"}, **CONFIG))
        env = {**ENV, **b.listen_notify(), "LD_PRELOAD": library, "OOM_AT": str(at), **more}
        p = subprocess.Popen([ENGINE, "run", "-c", b.file, "--workers", "1"], env=env, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
        b.process = p
        if not wait_for(b.notify, p):
            said = p.stderr.read()
            p.stderr.close()
            return "" if p.wait() == 3 and said else f"ended with {p.returncode} at the start, said {said[-300:]!r}"
        b.notify.recv(4096)
        why = use(b, server, p, b.notify)
        code = finish(p)
        said = p.stderr.read()
        p.stderr.close()
        return why or ("" if code == 0 else f"ended with {code}, said {said[-300:]!r}")
    except (OSError, Failed, subprocess.TimeoutExpired) as e:
        return repr(e)
    finally:
        b.clean()


def main():
    library, scratch = sys.argv[1:3]
    bed = Bed("servers", scratch)
    server = bed.server(echo)
    counter = f"{scratch}/count"
    print(run(library, scratch, "calm", server, 0, {"OOM_COUNT": counter}), end="")
    points = int(open(counter, encoding="ascii").read())
    jobs = [(f"{'on' if more else 'one'}{at}", at, more) for more in ({}, {"OOM_ON": "1"}) for at in range(1, points + 1)]
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for job, why in zip(jobs, pool.map(lambda j: run(library, scratch, j[0], server, j[1], j[2]), jobs)):
            passed, failed = passed + (not why), failed + bool(why)
            if why and failed <= 10:
                print(f"FAIL allocation {job[1]} {'and all after it' if job[2] else 'alone'}: {why}")
    bed.clean()
    print(f"oomengine: {passed} passed, {failed} failed, 0 skipped")
    return failed != 0


sys.exit(main())
