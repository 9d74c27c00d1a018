"""The programs that bench/engine.py measures: how each is started and reached, and what is read of it while it runs."""
import ctypes
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time

from machine import TOP, first

ENGINE = os.environ.get("XRAT_ENGINE", os.path.join(TOP, "build", "libexec", "xrat-engine"))
TOOLS = os.environ.get("BENCH_TOOLS", os.path.join(TOP, os.pardir, "shared", "bench"))
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV = {"PATH": PATH, "LC_ALL": "C.UTF-8", "V2RAY_LOCATION_ASSET": "/usr/share/v2ray"}
HOST = "127.0.0.1"
DEADLINE = 30
LISTEN = "0A"


class Failed(Exception):
    pass


# --- configurations ---------------------------------------------------------------------------------------------------

def rule(i):
    """Names, networks, words with a port, plain texts with a network: a quarter each; none takes a flow to 127.0.0.1."""
    kind = i % 4
    if kind == 0:
        return {"domain": [f"domain:h{i}.example.com", f"full:www.h{i}.example.net"]}
    if kind == 1:
        return {"ip": [f"10.{i // 1024 % 256}.{i // 4 % 256}.0/24"]}
    if kind == 2:
        return {"domain": [f"keyword:kw{i}"], "port": str(1000 + i % 60000)}
    return {"domain": [f"h{i}.test"], "network": "tcp"}


def ray_config(port, _target, rules=0, sniffing=False):
    """One SOCKS inbound and freedom: the same file for xrat and v2ray."""
    inbound = {"tag": "in", "listen": HOST, "port": port, "protocol": "socks", "settings": {"auth": "noauth"}}
    if sniffing:
        inbound["sniffing"] = {"enabled": True, "destOverride": ["http", "tls"]}
    config = {"log": {"loglevel": "none"}, "inbounds": [inbound], "outbounds": [{"protocol": "freedom", "settings": {}}]}
    if rules:
        config["outbounds"].append({"tag": "x", "protocol": "blackhole"})
        never = [dict(rule(i), type="field", outboundTag="x") for i in range(rules)]
        config["routing"] = {"domainStrategy": "AsIs", "rules": never}
    return json.dumps(config)


def haproxy_config(port, target):
    return (f"global\n maxconn 6000\n nbthread {os.cpu_count()}\n"
            "defaults\n mode tcp\n timeout connect 10s\n timeout client 300s\n"
            f" timeout server 300s\nlisten a\n bind {HOST}:{port}\n server t {HOST}:{target}\n")


# name: how it is reached, its program, its arguments, what writes its configuration
KINDS = {
    "xrat": ("socks5", "xrat-engine", "run -c {config}", ray_config),
    "v2ray": ("socks5", "v2ray", "-config {config}", ray_config),
    "forwarder": ("socks5", "relayfloor", "-p {port} -s -b 262144 -w 1", None),
    "forwarder -w 2": ("socks5", "relayfloor", "-p {port} -s -b 262144 -w 2", None),
    "microsocks": ("socks5", "microsocks", "-i 127.0.0.1 -p {port}", None),
    "haproxy tcp": ("direct", "haproxy", "-db -f {config}", haproxy_config),
    "direct": ("direct", None, "", None),
}


# --- the place --------------------------------------------------------------------------------------------------------

def compile_tool(source, work):
    name = os.path.splitext(os.path.basename(source))[0]
    out = os.path.join(work, name)
    cc = os.environ.get("CC", "cc").split()
    done = subprocess.run([*cc, "-O2", "-pthread", "-o", out, source], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{name}.c does not compile: {done.stderr.strip()[-300:]}")
    return out


class Lab:
    """Where peers run: their programs, and ports that no ephemeral one can take (engine.py sets that range)."""

    def __init__(self, work):
        self.work = work
        self.next_port = 10000
        self.configs = {}
        self.programs = {}
        for _reach, program, _arguments, _config in KINDS.values():
            if program:
                self.programs[program] = shutil.which(program, path=PATH)
        for tool in ("socksload", "relayfloor"):
            source = os.path.join(TOOLS, tool + ".c")
            self.programs[tool] = compile_tool(source, work) if os.path.exists(source) else None
        # A copy: someone may build while this runs.
        self.programs["xrat-engine"] = shutil.copy(ENGINE, os.path.join(work, "xrat-engine"))

    def port(self):
        self.next_port = self.next_port + 1 if self.next_port < 19999 else 10000
        return self.next_port

    def present(self, kind):
        program = KINDS[kind][1]
        return program is None or self.programs[program] is not None

    def config(self, make, port, target, **variant):
        """Files of many rules are made once and get their port put in."""
        key = (make, tuple(sorted(variant.items())))
        if key not in self.configs:
            self.configs[key] = make("@PORT@", "@TARGET@", **variant)
        text = self.configs[key].replace('"@PORT@"', str(port)).replace("@PORT@", str(port)).replace("@TARGET@", str(target))
        path = os.path.join(self.work, "config.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def versions(self):
        haproxy = re.search(r"version (\S+)", first(self.programs["haproxy"] or "haproxy", "-v"))
        micro = first("dpkg-query", "-W", "-f", "${Version}", "microsocks")
        have = {"v2ray": " ".join(first(self.programs["v2ray"] or "v2ray", "-version").split()[:2]),
                "microsocks": "microsocks" + (f" {micro}" if re.match(r"\d", micro) else ""),
                "haproxy": f"haproxy {haproxy.group(1)}" if haproxy else "haproxy"}
        return "; ".join(text if self.programs[name] else f"{name} absent" for name, text in have.items())

    def tools(self):
        def digest(tool):
            with open(os.path.join(TOOLS, tool + ".c"), "rb") as f:
                return f"{tool}.c {hashlib.sha256(f.read()).hexdigest()[:12]}"
        return ", ".join(digest(t) if self.programs[t] else f"{t}.c absent" for t in ("socksload", "relayfloor"))


LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def child():
    """A child ends with the bench, even with one that is killed, and may open all the descriptors it can."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def spawn(command, out=subprocess.DEVNULL):
    return subprocess.Popen(command, env=ENV, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL,
                            preexec_fn=child)  # noqa: PLW1509 - there are no threads


# --- one peer ---------------------------------------------------------------------------------------------------------

ECHO = struct.pack("=4sB3xQ", b"LSv1", ord("E"), 8) + b"12345678"


def round_trip(reach, port, target):
    """Eight bytes to the target and back."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as s:
            if reach == "socks5":
                s.sendall(b"\5\1\0")
                if s.recv(2, socket.MSG_WAITALL) != b"\5\0":
                    return False
                s.sendall(b"\5\1\0\1" + socket.inet_aton(HOST) + struct.pack("!H", target))
                if s.recv(10, socket.MSG_WAITALL)[:2] != b"\5\0":
                    return False
            s.sendall(ECHO)
            return s.recv(8, socket.MSG_WAITALL) == ECHO[-8:]
    except OSError:
        return False


def listens(port):
    """Without a connection; listeners come first in that file."""
    want = f":{port:04X}"
    with open("/proc/net/tcp", encoding="utf-8") as f:
        f.readline()
        for line in f:
            fields = line.split()
            if fields[3] != LISTEN:
                return False
            if fields[1].endswith(want):
                return True
    return False


class Running:
    """A target of its own and a peer before it; `with` ends both."""

    def __init__(self, lab, kind, variant):
        self.lab = lab
        self.reach, program, arguments, make = KINDS[kind]
        self.kind, self.target, self.port = kind, lab.port(), lab.port()
        self.processes = []
        self.peer = None
        if program is None:
            self.port = self.target
        config = lab.config(make, self.port, self.target, **variant) if make else None
        self.command = [lab.programs[program], *arguments.format(config=config, port=self.port).split()] if program else None

    def __enter__(self):
        try:
            server = self.start([self.lab.programs["socksload"], "-S", "-t", f"{HOST}:{self.target}"])
            self.until(lambda: listens(self.target), 0.002)
            self.began = time.monotonic()
            self.peer = self.start(self.command) if self.command else server
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for p in self.processes:
            p.kill()
        for p in self.processes:
            p.wait()

    def start(self, command, out=subprocess.DEVNULL):
        p = spawn(command, out)
        self.processes.append(p)
        return p

    def until(self, condition, pause):
        end = time.monotonic() + DEADLINE
        while not condition():
            dead = next((p for p in self.processes if p.poll() is not None), None)
            if dead:
                raise Failed(f"{os.path.basename(dead.args[0])} ended with {dead.returncode}")
            if time.monotonic() > end:
                raise Failed(f"not within {DEADLINE} s")
            time.sleep(pause)

    def ready(self, pause=0.005):
        """Seconds from the start of the peer to its first round trip."""
        self.until(lambda: round_trip(self.reach, self.port, self.target), pause)
        return time.monotonic() - self.began

    def load(self, *arguments):
        """One run of the generator: its key=value pairs."""
        p = self.start(self.load_command(*arguments), subprocess.PIPE)
        out = p.communicate()[0].decode()
        self.processes.remove(p)
        return parse(out, p.returncode)

    def load_command(self, *arguments):
        # haproxy's destination is fixed: it is spoken to as if it were the target.
        target = self.port if self.reach == "direct" else self.target
        return [self.lab.programs["socksload"], "-x", self.reach, "-P", f"{HOST}:{self.port}", "-t", f"{HOST}:{target}",
                "-W", str(self.peer.pid), *(str(a) for a in arguments)]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.peer.pid}/fd"))

    def memory(self):
        """(RssAnon, VmRSS) in kB. No peer here has child processes; threads share the memory."""
        with open(f"/proc/{self.peer.pid}/status", encoding="utf-8") as f:
            text = f.read()
        return tuple(int(re.search(rf"^{key}:\s*(\d+) kB", text, re.MULTILINE).group(1)) for key in ("RssAnon", "VmRSS"))


def parse(out, code):
    found = dict(re.findall(r"(\w+)=([^\s(]+)", out))
    if code or found.get("errors") != "0":
        errors = re.search(r"errors=\S+", out)
        raise Failed(f"the generator ended with {code}, {errors.group(0) if errors else 'no result'}")
    return found
