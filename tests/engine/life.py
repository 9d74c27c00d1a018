"""Start, check, reload, stop: the life of an engine."""
import json
import os
import signal
import socket
import time

from engbed import ENGINE, FREEDOM, PORTS, SANITIZED, Skip, check, echo, recv_exact, until


def case_check_says_what_is_outside(b):
    b.put(b.config(outbounds=[{"tag": "v", "protocol": "vmess", "settings": {"vnext": []}}], reverse={"bridges": []}))
    r = b.command("check", "-c", b.file)
    check(r.returncode == 1 and not r.stdout, f"exit {r.returncode}")
    check("vmess" in r.stderr and "xray.json:" in r.stderr and "reverse" in r.stderr, r.stderr)
    check("2 errors" in r.stderr or "errors" in r.stderr, r.stderr)
    run = b.command("run", "-c", b.file)
    check(run.returncode == 1 and run.stderr == r.stderr, f"run refuses as check does: {run.returncode} {run.stderr}")


def case_check_of_what_no_key_shows(b):
    b.put(b.config(routing={"rules": [{"port": 80, "outboundTag": "nowhere"}]}))
    r = b.command("check", "-c", b.file)
    check(r.returncode == 1 and "nowhere" in r.stderr and ":" in r.stderr, f"{r.returncode} {r.stderr}")


def case_check_forms(b):
    b.put(b.config())
    check(b.command("check", "-c", b.file).returncode == 0, "a good file")
    r = b.command("check", "-c", b.file, "--format", "json")
    check(r.returncode == 0 and json.loads(r.stdout)["result"]["checked"] == b.file, r.stdout + r.stderr)
    b.put("{")
    r = b.command("check", "-c", b.file, "--format", "json")
    check(r.returncode == 1 and not r.stdout and json.loads(r.stderr)["error"]["diagnostics"], r.stderr)
    check(b.command("check", "-c", b.dir + "/none").returncode == 3, "a file that is not there")
    check(b.command("check").returncode == 2, "without -c")
    check(b.command("walk").returncode == 2, "an unknown command")
    check(b.command("stats").returncode == 2, "stats without --control")


def case_start_and_stop(b):
    env = b.listen_notify()
    b.start(env=env)
    check(b.told() == {"READY": "1"}, "READY at the start")
    s = b.ask("status")["result"]
    check(s["state"] == "running" and s["pid"] == b.process.pid and s["generation"] == 1, str(s))
    check(s["listeners"] == [{"inbound": "in", "address": f"127.0.0.1:{b.port}", "network": "tcp"}], str(s))
    for task in os.listdir(f"/proc/{b.process.pid}/task"):
        status = open(f"/proc/{b.process.pid}/task/{task}/status").read()
        check("NoNewPrivs:\t1" in status, "no new privileges")
        check(SANITIZED or "Seccomp:\t2" in status, "a filter of system calls in every thread")
    b.stop()
    check(not os.path.exists(b.control), "the control socket is gone")


def case_second_on_the_same_port(b):
    b.start()
    r = b.command("run", "-c", b.file)
    check(r.returncode == 3 and f"127.0.0.1:{b.port}" in r.stderr and "'in'" in r.stderr, f"{r.returncode} {r.stderr}")
    check("in use" in r.stderr, r.stderr)
    b.socks(b.server(echo).port)


def case_start_refused_leaves_nothing(b):
    taken = socket.create_server(("127.0.0.1", 0))
    b.things.append(taken)
    path = f"{b.dir}/sock"
    b.put(b.config(inbounds=[{"tag": "u", "listen": path, "protocol": "socks"},
                             {"tag": "t", "listen": "127.0.0.1", "port": taken.getsockname()[1], "protocol": "socks"}]))
    r = b.command("run", "-c", b.file)
    check(r.returncode == 3 and "'t'" in r.stderr, f"{r.returncode} {r.stderr}")
    check(not os.path.exists(path), "the Unix socket is gone")


def rules(*rows):
    return {"rules": [{"domain": [f"full:{name}"], "outboundTag": tag} for name, tag in rows]}


def case_reload(b):
    server = b.server(echo)
    b.start(env=b.listen_notify())
    b.told()
    old = b.socks(server.port)
    b.put(b.config(outbounds=[{"tag": "block", "protocol": "blackhole"}, FREEDOM]))
    begin = time.monotonic_ns() // 1000
    b.process.send_signal(signal.SIGHUP)
    first = b.told()
    check(first["RELOADING"] == "1" and begin <= int(first["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000, str(first))
    check(b.told() == {"READY": "1"}, "READY when it is done")
    # READY means that every worker has it: what is opened from now on goes the new way.
    for _ in range(20):
        s = b.client()
        s.sendall(b"\5\1\0" + b"\5\1\0\1\x7f\0\0\1" + server.port.to_bytes(2, "big"))
        check(recv_exact(s, 2) == b"\5\0", "the method")
        try:
            check(s.recv(64)[:2] != b"\5\0" or s.recv(64) == b"", "the new first outbound takes it")
        except ConnectionResetError:
            pass
    old.sendall(b"still here")
    check(recv_exact(old, 10) == b"still here", "an old connection goes on")
    check(b.stats()["generation"] == 2, "generation")


def case_reload_refused(b):
    server = b.server(echo)
    b.start(env=b.listen_notify())
    b.told()
    b.put(b.config(outbounds=[{"tag": "v", "protocol": "vmess"}]))
    b.process.send_signal(signal.SIGHUP)
    check(b.told()["RELOADING"] == "1", "RELOADING")
    told = b.told()
    check(told["READY"] == "1" and int(told["ERRNO"]) > 0 and "xray.json:" in told["STATUS"] and "vmess" in told["STATUS"],
          str(told))
    check(any("reload refused" in line and "vmess" in line for line in b.lines(b.log)), "the log says so")
    b.socks(server.port)
    os.unlink(b.file)
    answer = b.ask("reload")
    check(not answer["ok"] and "No such file" in answer["error"], str(answer))
    b.put("{")
    r = b.command("reload", "--control", b.control)
    check(r.returncode == 1 and "xray.json:1" in r.stderr, f"{r.returncode} {r.stderr}")
    b.socks(server.port)
    check(b.stats()["generation"] == 1, "generation")


def inbound(tag, port, **more):
    return {"tag": tag, "listen": "127.0.0.1", "port": port, "protocol": "socks", **more}


def settled(b):
    """Descriptors, once the control socket's last client is gone."""
    time.sleep(0.1)
    return b.descriptors()


def case_reload_listeners(b):
    server, second, third = b.server(echo), PORTS.one(), PORTS.one()
    b.start()
    stays = inbound("in", b.port)
    b.reload(b.config(inbounds=[stays, inbound("second", second)]))
    b.socks(server.port, address=("127.0.0.1", second))
    taken = socket.create_server(("127.0.0.1", 0))
    b.things.append(taken)
    fds = settled(b)
    answer = b.reload(b.config(inbounds=[stays, inbound("third", third), inbound("x", taken.getsockname()[1])]), ok=False)
    check("'x'" in answer["error"] and "in use" in answer["error"], str(answer))
    until(lambda: b.descriptors() == fds, "what was opened before the refusal to be closed")
    b.socks(server.port, address=("127.0.0.1", second))
    try:
        b.client(("127.0.0.1", third))
        check(False, "the third port is open after a refusal")
    except ConnectionRefusedError:
        pass
    b.reload(b.config(inbounds=[stays]))
    try:
        b.client(("127.0.0.1", second))
        check(False, "the second port is open after it was taken out")
    except ConnectionRefusedError:
        pass
    # Another option on the same port is another socket beside the old one, for a moment.
    b.reload(b.config(inbounds=[inbound("in", b.port, streamSettings={"sockopt": {"tcpKeepAliveIdle": 77}})]))
    b.socks(server.port)


def case_reload_under_traffic(b):
    server = b.server(echo)
    b.start()
    for i in range(40):
        s = b.socks(server.port)
        b.put(b.config(routing=rules((f"n{i}.test", "block"))))
        b.process.send_signal(signal.SIGHUP)
        s.sendall(b"x" * 5000)
        check(recv_exact(s, 5000) == b"x" * 5000, "bytes over a reload")
        s.close()
    until(lambda: b.stats()["generation"] > 2, "reloads")
    until(lambda: b.stats()["flows"] == 0, "no flow is left")


def case_drain(b):
    server = b.server(echo)
    b.start(env=b.listen_notify())
    b.told()
    s = b.socks(server.port)
    b.process.send_signal(signal.SIGTERM)
    check(b.told() == {"STOPPING": "1"}, "STOPPING")
    until(lambda: refused(b), "new connections to be refused")
    for _ in range(10):
        s.sendall(b"y" * 1000)
        check(recv_exact(s, 1000) == b"y" * 1000, "bytes while it drains")
    check(b.process.poll() is None, "it waits for the connection")
    s.close()
    code = b.process.wait(2.5)
    check(code == 0, f"the end: {code}: {b.said()}")


def refused(b):
    try:
        b.client().close()
        return False
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def case_drain_is_over(b):
    server = b.server(echo)
    b.start()
    s = b.socks(server.port)
    begin = time.monotonic()
    b.stop()
    took = time.monotonic() - begin
    check(2.5 < took < 10, f"{took} s for a connection that does not end")
    try:
        check(s.recv(1) == b"", "the connection is over")
    except ConnectionResetError:
        pass


def case_second_signal(b):
    server = b.server(echo)
    b.start()
    b.socks(server.port)
    begin = time.monotonic()
    b.process.send_signal(signal.SIGTERM)
    until(lambda: refused(b), "the drain")
    b.process.send_signal(signal.SIGINT)
    check(b.process.wait(5) == 0 and time.monotonic() - begin < 2, "the second signal does not wait")


def case_unix_listeners(b):
    server = b.server(echo)
    path, name = f"{b.dir}/in.sock", f"@xrat-test-{os.getpid()}"
    both = [{"tag": "file", "listen": path, "protocol": "socks"}, {"tag": "abstract", "listen": name, "protocol": "socks"}]
    b.start(b.config(inbounds=both))
    abstract = b"\0" + name[1:].encode()
    inode = os.stat(path).st_ino
    held = b.socks(server.port, address=path)
    for _ in range(20):
        for address in (path, abstract):
            s = b.socks(server.port, address=address)
            s.sendall(b"unix")
            check(recv_exact(s, 4) == b"unix", "bytes")
            s.close()
    b.reload(b.config(inbounds=both, routing=rules(("a.test", "block"))))
    check(os.stat(path).st_ino == inode, "the same socket after a reload")
    b.socks(server.port, address=path)
    held.sendall(b"held")
    check(recv_exact(held, 4) == b"held", "an old connection")
    b.reload(b.config(inbounds=both[1:]))
    check(not os.path.exists(path), "the path is gone with its inbound")
    b.socks(server.port, address=abstract)
    held.close()
    b.reload(b.config(inbounds=both))
    b.process.kill()
    b.process.wait()
    check(os.path.exists(path), "killed: the path stays")
    b.process = None
    b.start(b.config(inbounds=both))
    b.socks(server.port, address=path)
    b.stop()
    check(not os.path.exists(path), "the path is gone at the end")


def is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def case_another_user(b):
    if os.geteuid():
        raise Skip("another_user: needs root")
    server = b.server(echo)
    for d in (b.dir, os.path.dirname(b.dir)):
        os.chmod(d, 0o755)
    b.start(b.config(log={"loglevel": "none"}), "--user", "nobody")
    status = open(f"/proc/{b.process.pid}/status").read()
    uid = status.split("Uid:")[1].split()[:4]
    check(uid == ["65534"] * 4 and "CapEff:\t0000000000000000" in status, status)
    check(status.split("Groups:")[1].split("\n")[0].strip() == "65534", "groups")
    b.socks(server.port)
    os.chmod(b.file, 0o644)
    answer = b.ask("reload")
    check(answer["ok"], f"it may read its file: {answer}")
    r = b.command("run", "-c", b.file, "--user", "no-such-user")
    check(r.returncode == 3, r.stderr)
    if low := [p for p in range(1023, 900, -1) if is_free(p)]:
        answer = b.reload(b.config(log={"loglevel": "none"}, inbounds=[inbound("in", b.port), inbound("low", low[0])]), ok=False)
        check("'low'" in answer["error"] and "restart the engine" in answer["error"], str(answer))
    b.socks(server.port)


def case_the_command_finds_the_program(b):
    b.put(b.config())
    check(b.command("check", "-c", b.file).returncode == 0, "xrat engine check")
    check(os.access(ENGINE, os.X_OK), ENGINE)
