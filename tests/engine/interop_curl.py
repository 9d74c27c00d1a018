"""curl through every kind of proxy that it speaks, with and without a login."""
import hashlib
import http.server
import os
import re
import socket
import subprocess
import threading

from engbed import LIMIT, PORTS, Skip, check, pattern, until
from peers import BIG, LOGIN, SIZES, counted, engine_between, inbound, tunnel


class Web(http.server.BaseHTTPRequestHandler):
    """/N: that many bytes of the pattern; /chunked/N: in chunks; what is sent is answered with its length and hash."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        size = int(self.path.rsplit("/", 1)[1])
        chunked = "chunked" in self.path
        self.send_response(200)
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(size))))
        self.end_headers()
        data = memoryview(pattern(size))
        if self.command == "HEAD":
            return
        for at in range(0, size, 1 << 20):
            piece = data[at:at + (1 << 20)]
            if chunked:
                self.wfile.write(b"%x\r\n" % len(piece))
            self.wfile.write(piece)
            if chunked:
                self.wfile.write(b"\r\n")
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    do_HEAD = do_GET

    def body(self):
        left = self.headers.get("Content-Length")
        if left is not None:
            left = int(left)
            while left:
                piece = self.rfile.read(min(left, 1 << 20))
                if not piece:
                    return
                left -= len(piece)
                yield piece
            return
        while True:
            size = int(self.rfile.readline(), 16)
            if size:
                yield self.rfile.read(size)
            self.rfile.readline()
            if not size:
                return

    def do_PUT(self):
        h, n = hashlib.sha256(), 0
        for piece in self.body():
            h.update(piece)
            n += len(piece)
        text = f"{n} {h.hexdigest()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_PUT


def web(b):
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    s.daemon_threads = True
    threading.Thread(target=s.serve_forever, daemon=True).start()
    s.close = lambda: (s.shutdown(), s.server_close())
    b.things.append(s)
    return s.server_port


def curl(*words, data=None):
    counted(conversations=1, bytes=len(data or b""))
    r = subprocess.run(["curl", "-q", "-sS", "--noproxy", "", "-m", str(LIMIT), *words], input=data, capture_output=True,
                       timeout=LIMIT * 2, check=False)
    counted(bytes=len(r.stdout))
    return r.returncode, r.stdout, r.stderr.decode(errors="replace")


def gets(options, port, size, path=""):
    code, out, err = curl(*options, f"http://127.0.0.1:{port}/{path}{size}")
    check(code == 0 and out == pattern(size), f"{options}: {size} bytes down: {code}, {len(out)} bytes {err}")


def puts(options, port, size, *more):
    data = pattern(size)
    code, out, err = curl(*options, *(more or ("-T", "-", "-H", f"Content-Length: {size}", "-H", "Transfer-Encoding:")),
                          f"http://127.0.0.1:{port}/x", data=data)
    check(code == 0 and out == f"{size} {hashlib.sha256(data).hexdigest()}".encode(), f"{options}: {size} bytes up: {code} {out[:100]} {err}")


def ways(socks, http_port, login=""):
    """Name, options."""
    user = ["-U", login] if login else []
    found = [(f"socks5 {login}", ["-x", f"socks5://127.0.0.1:{socks}", *user]),
             (f"socks5h {login}", ["-x", f"socks5h://127.0.0.1:{socks}", *user]),
             (f"CONNECT {login}", ["-p", "-x", f"http://127.0.0.1:{http_port}", *user]),
             (f"absolute {login}", ["-x", f"http://127.0.0.1:{http_port}", *user])]
    if not login:
        found += [("socks4", ["-x", f"socks4://127.0.0.1:{socks}"]), ("socks4a", ["-x", f"socks4a://127.0.0.1:{socks}"])]
    return found


def listeners(b):
    """Open and closed ones: (socks, http), (socks, http with a login), a mixed one that is open."""
    socks, http_port, closed_http, mixed = PORTS.one(), PORTS.one(), PORTS.one(), PORTS.one()
    engine_between(b, [inbound("socks", socks, "s"), inbound("http", http_port, "h"), inbound("socks", b.port, "sl", login=True),
                       inbound("http", closed_http, "hl", login=True), inbound("mixed", mixed, "m")])
    return (socks, http_port), (b.port, closed_http), mixed


def case_curl_sizes(b):
    port = web(b)
    one, two, mixed = listeners(b)
    for _, options in (*ways(*one), *ways(*two, LOGIN), *ways(mixed, mixed)):
        code, out, err = curl(*options, *(f"http://127.0.0.1:{port}/{n}" for n in SIZES))
        check(code == 0 and out == b"".join(pattern(n) for n in SIZES), f"{options}: {code} {len(out)} {err}")
        for n in (SIZES[0], SIZES[-2], SIZES[-1]):
            puts(options, port, n)


def case_curl_big(b):
    port = web(b)
    one, _, _ = listeners(b)
    for name, options in ways(*one):
        if name.split()[0] in ("socks5h", "CONNECT", "absolute"):
            gets(options, port, BIG)
            puts(options, port, BIG)


def case_curl_http(b):
    """What plain HTTP can look like: chunks both ways, HEAD, Expect, one connection for several requests, names."""
    port = web(b)
    _, two, mixed = listeners(b)
    for options in (["-x", f"http://127.0.0.1:{two[1]}", "-U", LOGIN], ["-x", f"http://127.0.0.1:{mixed}"],
                    ["-p", "-x", f"http://127.0.0.1:{mixed}"], ["-x", f"socks5h://127.0.0.1:{mixed}"]):
        gets(options, port, 3000001, "chunked/")
        for n in (1, 70000, 3000001):
            puts(options, port, n, "-T", "-")  # chunks
            puts(options, port, n, "-H", "Expect: 100-continue", "--data-binary", "@-")
        code, out, err = curl(*options, "-I", f"http://127.0.0.1:{port}/123")
        check(code == 0 and b"Content-Length: 123" in out, f"HEAD: {code} {out} {err}")
        code, out, err = curl(*options, f"http://localhost:{port}/100")
        check(code == 0 and out == pattern(100), f"a name: {code} {err}")
        code, out, err = curl(*options, "-r", "0-9", "-w", "%{http_version} %{http_code}", "-0", f"http://127.0.0.1:{port}/10")
        check(code == 0 and out == pattern(10) + b"1.1 200", f"HTTP/1.0: {code} {out} {err}")


def case_curl_logins(b):
    """The wrong ones do not come in, and curl is told why."""
    port = web(b)
    _, (socks, http_port), _ = listeners(b)
    url = f"http://127.0.0.1:{port}/1"
    for login in ([], ["-U", "user:wrong"], ["-U", "nobody:change-me"], ["-U", "user:"]):
        for kind in ("socks4", "socks4a", "socks5", "socks5h"):
            code, out, err = curl("-x", f"{kind}://127.0.0.1:{socks}", *login, url)
            check(code == 97 and not out, f"{kind} {login}: {code} {out} {err}")
        code, out, err = curl("-x", f"http://127.0.0.1:{http_port}", *login, "-o", os.devnull, "-w", "%{http_code}", url)
        check(code == 0 and out == b"407", f"{login}: {code} {out} {err}")
        code, out, err = curl("-p", "-x", f"http://127.0.0.1:{http_port}", *login, "-o", os.devnull, "-w", "%{http_connect}", url)
        check(code == 56 and out == b"407", f"CONNECT {login}: {code} {out} {err}")
    until(lambda: b.stats()["flows"] == 0, "no flow is left")


def case_curl_refused(b):
    """Nobody listens, and no such name."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    (socks, http_port), _, _ = listeners(b)
    for host in ("127.0.0.1", "localhost"):
        url = f"http://{host}:{port}/1"
        for kind, said in (("socks5h", r"\(5\)"), ("socks5", r"\(5\)"), ("socks4a", "91"), ("socks4", "91")):
            code, out, err = curl("-x", f"{kind}://127.0.0.1:{socks}", url)
            check(code == 97 and re.search(said, err), f"{kind} {host}: {code} {out} {err}")
        code, out, err = curl("-x", f"http://127.0.0.1:{http_port}", "-o", os.devnull, "-w", "%{http_code}", url)
        check(code == 0 and out in (b"502", b"503"), f"absolute: {code} {out} {err}")
        code, out, err = curl("-p", "-x", f"http://127.0.0.1:{http_port}", "-o", os.devnull, "-w", "%{http_connect}", url)
        check(code == 56 and out in (b"502", b"503"), f"CONNECT: {code} {out} {err}")
    code, out, err = curl("-x", f"socks5h://127.0.0.1:{socks}", "http://no-such-name.invalid/")
    check(code == 97 and re.search(r"\([1345]\)", err), f"no such name: {code} {err}")


def case_curl_sockets(b):
    """Socket files and abstract names: SOCKS on a file, a tunnel on either, a transparent http inbound."""
    port = web(b)
    path, name = f"{b.dir}/s", f"xrat-curl-{os.getpid()}-{b.port}"
    ins = [{**inbound("mixed", 1, "s1"), "listen": path}, {**tunnel(1, port, "t1", "tcp"), "listen": path + "-tunnel"},
           {**tunnel(1, port, "t2", "tcp"), "listen": "@" + name},
           {**inbound("http", 1, "h", allowTransparent=True), "listen": "@" + name + "-http"}]
    for i in ins:
        del i["port"]
        i["settings"].pop("udp", None)
    engine_between(b, ins)
    for options in (["--unix-socket", path + "-tunnel"], ["--abstract-unix-socket", name], ["--abstract-unix-socket", name + "-http"]):
        for n in (1, SIZES[-1], BIG // 10):
            gets(options, port, n)
            puts(options, port, n)
    version = re.search(r"curl (\d+)\.(\d+)", curl("-V")[1].decode())
    if tuple(map(int, version.groups())) < (7, 84):
        raise Skip("curl_sockets: SOCKS on a Unix socket needs curl 7.84")
    for kind in ("socks5h", "socks4a", "socks5"):
        gets(["-x", f"{kind}://localhost{path}"], port, SIZES[-1])


def case_curl_two_proxies(b):
    """SOCKS first, an HTTP proxy behind it."""
    port = web(b)
    (socks, _), (_, http_port), _ = listeners(b)
    for way in ([], ["-p"]):
        options = ["--preproxy", f"socks5h://127.0.0.1:{socks}", *way, "-x", f"http://127.0.0.1:{http_port}", "-U", LOGIN]
        gets(options, port, SIZES[-1])
        puts(options, port, SIZES[-1])
