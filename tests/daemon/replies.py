"""What the daemon answers when it does what it was asked, in both dialects, against the schema (ipc.py has the refusals)."""
import os

from dbed import pascal, snake, until

import ipc
from sessbed import Node, Sessions, lacking


def asked(t, d, big, payload=None, want=True):
    """The payload in both dialects; big: the name in PascalCase."""
    small = "".join("_" + c.lower() if c.isupper() else c for c in big)[1:]
    for dialect, request in enumerate((pascal(big, payload), snake(small, **(payload or {})))):
        name = (big, small)[dialect]
        errors = [e.message for e in ipc.schema_of(name).iter_errors(request)]
        t.expect(f"{name}: the request is as the schema says", not errors, errors)
        reply = d.ask(request, timeout=60)
        t.expect(f"{name}: {'done' if want else 'refused'}", reply["ok"] is want, reply, d.stderr()[-500:])
        ipc.check_reply(t, name, reply, name, dialect)
    return reply["payload"]


def replies(t, work):
    if lacking():
        t.skip("replies: microsocks or v2ray is not installed")
        return
    nodes = [Node(n) for n in (95, 96)]
    d = Sessions(f"{work}/replies", "builtin", [n.link for n in nodes], rotation="cooldown_secs = 0\n")
    try:
        t.expect("replies: up", d.up(), d.stderr())
        asked(t, d, "RuntimeStatus")
        for payload in ({"config_id": 1}, {"config_ref": d.sql("SELECT ref FROM configs WHERE id = 2")[0]["ref"][:6]}):
            got = asked(t, d, "RuntimeConnect", payload)
            t.expect("RuntimeConnect: the node that was meant", got["config_id"] == 1 + ("config_ref" in payload), got)
        got = asked(t, d, "RuntimeStatus")
        t.expect("RuntimeStatus of one that runs", got["runtime_status"] == "running" and got["inbounds"], got)
        for n in (1, 2):  # to one and back, each asked in one dialect
            kind = (pascal("RuntimeReplace", {"trigger": "Manual", "candidate_id": n}) if n == 1 else
                    snake("runtime_replace", trigger="manual", candidate_id=n))
            reply = d.ask(kind, timeout=60)
            t.expect("RuntimeReplace: done", reply["ok"] and reply["payload"]["new_config_id"] == n, reply, d.stderr()[-500:])
            ipc.check_reply(t, "RuntimeReplace", reply, ("RuntimeReplace", "runtime_replace")[n - 1], n - 1)
        for name in ("ProxyStart", "ProxyStatus", "ProxyStop", "ApplyStatus", "DaemonPing"):
            asked(t, d, name)
        for dialect, request in enumerate((pascal("RuntimeDisconnect"), snake("runtime_disconnect"))):
            reply = d.ask(request, timeout=30)
            t.expect("RuntimeDisconnect: done", reply["ok"] and reply["payload"]["stopped_session"], reply)
            ipc.check_reply(t, "RuntimeDisconnect", reply, ("RuntimeDisconnect", "runtime_disconnect")[dialect], dialect)
            got = asked(t, d, "RuntimeStatus")
            t.expect("RuntimeStatus of one that has ended", got["runtime_status"] == "stopped" and got["stopped_at"], got)
            if not dialect:
                asked(t, d, "RuntimeConnect", {"config_id": 1})
        for dialect, request in enumerate((pascal("DaemonShutdown"), snake("daemon_shutdown"))):
            name = ("DaemonShutdown", "daemon_shutdown")[dialect]
            errors = [e.message for e in ipc.schema_of(name).iter_errors(request)]
            t.expect(f"{name}: the request is as the schema says", not errors, errors)
            reply = d.ask(request, timeout=30)
            t.expect(f"{name}: done", reply["ok"], reply)
            ipc.check_reply(t, name, reply, name, dialect)
            t.expect(f"{name}: it ends with 0", d.proc.wait(30) == 0, d.stderr())
            t.expect(f"{name}: and its socket is gone", not os.path.exists(f"{d.root}/runtime/daemon.sock"))
            if not dialect:
                t.expect("replies: up again", d.up(), d.stderr())
    finally:
        d.close()
        for n in nodes:
            n.end()
    t.expect("replies: no engine is left", until(5, lambda: not d.engines()), d.engines())
