"""Servers of 127.0.0.1 for tests/fetch: HTTP with every kind of answer, the same over TLS, a SOCKS5 and an HTTP proxy."""
import gzip
import json
import socket
import socketserver
import ssl
import struct
import threading
import zlib

MIB = 1024 * 1024


class Handler(socketserver.StreamRequestHandler):
    timeout = 20

    def handle(self):
        try:
            while self.one():
                pass
        except (OSError, ssl.SSLError, ValueError):
            pass

    def one(self):
        line = self.rfile.readline(65536).decode("latin-1")
        if not line.strip() or len(line.split()) < 2:
            return False
        self.headers = {}
        while (h := self.rfile.readline(65536).decode("latin-1").strip()):
            name, _, value = h.partition(":")
            self.headers[name.lower()] = value.strip()
        path = line.split()[1]
        self.path, _, self.query = path.partition("?")
        self.server.seen.append((path, dict(self.headers)))
        parts = self.path.strip("/").split("/")
        return getattr(self, "do_" + parts[0].replace("-", "_"), self.missing)(*parts[1:2])

    def raw(self, data):
        self.wfile.write(data if isinstance(data, bytes) else data.encode())

    def answer(self, status=200, body=b"", headers=(), length=None):
        head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}"]
        self.raw("\r\n".join([*head, *headers, "", ""]))
        self.raw(body)
        return True

    def missing(self, *_):
        return self.answer(404, b"no")

    def stall(self):
        self.server.stop.wait(20)
        return False

    def do_plain(self, *_):
        return self.answer(body=b"hello")

    def do_echo(self, *_):
        return self.answer(body=json.dumps(self.headers).encode())

    def do_empty(self, *_):
        return self.answer()

    def do_nothing(self, *_):
        self.raw("HTTP/1.1 204 X\r\n\r\n")
        return True

    def do_nul(self, *_):
        return self.answer(body=b"a\0b\xff")

    def do_status(self, n):
        return self.answer(int(n), b"S3CRET")

    def do_gzip(self, *_):
        return self.answer(body=gzip.compress(b"hello" * 1000), headers=["Content-Encoding: gzip"])

    def do_deflate(self, *_):
        return self.answer(body=zlib.compress(b"hello"), headers=["Content-Encoding: deflate"])

    def do_br(self, *_):
        # "hello" as one uncompressed meta-block of brotli
        return self.answer(body=bytes.fromhex("0b028068656c6c6f03"), headers=["Content-Encoding: br"])

    def do_bad_gzip(self, *_):
        return self.answer(body=b"this is not gzip", headers=["Content-Encoding: gzip"])

    def do_half_gzip(self, *_):
        body = gzip.compress(bytes(range(256)) * 100)
        return self.answer(body=body[: len(body) // 2], headers=["Content-Encoding: gzip"])

    def do_bomb(self, *_):
        return self.answer(body=self.server.bomb, headers=["Content-Encoding: gzip"])

    def do_bomb2(self, *_):
        return self.answer(body=gzip.compress(self.server.bomb), headers=["Content-Encoding: gzip, gzip"])

    def do_declared(self, *_):
        self.answer(length=20 * MIB)
        return self.stall()

    def do_streamed(self, *_):
        self.raw("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(1000):
            self.raw(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        return False

    def do_undeclared(self, *_):
        self.raw("HTTP/1.1 200 X\r\nConnection: close\r\n\r\n")
        for _ in range(1000):
            self.raw(b"x" * 65536)
        return False

    def do_exact(self, n):
        return self.answer(body=b"x" * int(n))

    def do_stall(self, *_):
        return self.stall()

    def do_stall_body(self, *_):
        self.answer(body=b"x", length=100)
        return self.stall()

    def do_drip(self, *_):
        self.answer(length=100000)
        while not self.server.stop.wait(0.05):
            self.raw(b"x")
        return False

    def do_drip_header(self, *_):
        self.raw("HTTP/1.1 200 X\r\n")
        while not self.server.stop.wait(0.05):
            self.raw("X-A: b\r\n")
        return False

    def do_short(self, *_):
        self.answer(body=b"half", length=8)
        return False

    def do_longer(self, *_):
        self.answer(body=b"hellomore", length=5)
        return False

    def do_two_lengths(self, *_):
        self.raw("HTTP/1.1 200 X\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")
        return False

    def do_bad_length(self, *_):
        self.raw("HTTP/1.1 200 X\r\nContent-Length: -5\r\n\r\nhello")
        return False

    def do_bad_chunk(self, *_):
        self.raw("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n")
        return False

    def do_half_chunk(self, *_):
        self.raw("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        return False

    def do_garbage(self, *_):
        self.raw(bytes(range(256)) * 64)
        return False

    def do_http09(self, *_):
        self.raw("hello")
        return False

    def do_close(self, *_):
        return False

    def do_endless_header(self, *_):
        self.raw("HTTP/1.1 200 X\r\n")
        for i in range(200000):
            self.raw(f"X-{i}: {'y' * 100}\r\n")
        return False

    def do_long_line(self, *_):
        self.raw(b"HTTP/1.1 200 X\r\nX-A: " + b"y" * 20 * MIB)
        return False

    def do_continue(self, *_):
        self.raw("HTTP/1.1 103 Early\r\nETag: early\r\n\r\n")
        return self.answer(body=b"hello")

    def do_etag(self, *_):
        if self.headers.get("if-none-match") == '"v1"':
            self.raw('HTTP/1.1 304 X\r\nETag: "v1"\r\n\r\n')
            return True
        return self.answer(body=b"hello", headers=['ETag: "v1"', "Last-Modified: Sat, 21 Nov 2026 19:14:27 GMT"])

    def do_dated(self, *_):
        if "if-modified-since" in self.headers:
            self.raw("HTTP/1.1 304 X\r\n\r\n")
            return True
        return self.answer(body=b"hello")

    def do_unasked(self, *_):
        self.raw("HTTP/1.1 304 X\r\n\r\n")
        return True

    def do_account(self, *_):
        return self.answer(body=b"x", headers=[
            "Subscription-Userinfo: upload=1; download=2;total=107374182400; expire=1767225600; odd; x=y",
            "profile-title: base64:8J+HqSBLbw==", "Profile-Update-Interval: 24",
            'Content-Disposition: attachment; filename="other.txt"', "Content-Type: text/plain; charset=utf-8"])

    def do_named(self, *_):
        return self.answer(body=b"x", headers=["Content-Disposition: attachment; filename=\"a b.txt\"; filename*=UTF-8''%D0%BF%2e"])

    def do_named_plain(self, *_):
        return self.answer(body=b"x", headers=['Content-Disposition: attachment; filename="a b.txt"',
                                               "subscription-userinfo: total=99999999999999999999; expire=; upload=-5"])

    def do_odd_headers(self, *_):
        self.raw(b"HTTP/1.1 200 X\r\nContent-Length: 1\r\nETag: \x01\xff\r\nprofile-title: base64:gIA=\r\n"
                 b"Profile-Update-Interval: -3\r\nContent-Disposition: filename*=x%zz%\r\n: empty\r\n\r\nx")
        return True

    def to(self, where, status=302, headers=()):
        return self.answer(status, b"moved", [f"Location: {where}", *headers])

    def do_loop(self, *_):
        return self.to("/loop")

    def do_chain(self, n):
        return self.to(f"/chain/{int(n) - 1}" if int(n) > 1 else "/plain", 301 if int(n) % 2 else 308)

    def do_go(self, *_):
        """To what the query says."""
        return self.to(self.query, headers=["ETag: redirect", "profile-title: redirect"])

    def do_nowhere(self, *_):
        return self.answer(302, b"")

    def do_big_redirect(self, *_):
        return self.to("/plain") if self.query else self.answer(302, b"x" * 30 * MIB, ["Location: /plain"])


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, handler=Handler, context=None):
        super().__init__(("127.0.0.1", 0), handler)
        self.seen = []
        self.stop = threading.Event()
        self.bomb = gzip.compress(bytes(64 * MIB), 9)
        self.context = context
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def finish_request(self, request, client_address):
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass

    def end(self):
        self.stop.set()
        self.shutdown()
        self.server_close()


def relay(a, b):
    def one_way(src, dst):
        try:
            while (data := src.recv(65536)):
                dst.sendall(data)
            dst.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    t = threading.Thread(target=one_way, args=(a, b), daemon=True)
    t.start()
    one_way(b, a)
    t.join(20)


class Socks(socketserver.StreamRequestHandler):
    """CONNECT alone; every name leads to 127.0.0.1."""

    def handle(self):
        try:
            n = self.rfile.read(2)[1]
            self.rfile.read(n)
            self.wfile.write(b"\5\0")
            kind = self.rfile.read(4)[3]
            host = self.rfile.read({1: 4, 4: 16}.get(kind) or self.rfile.read(1)[0])
            (port,) = struct.unpack("!H", self.rfile.read(2))
            self.server.seen.append((kind, host, port))
            with socket.create_connection(("127.0.0.1", port), 5) as out:
                self.wfile.write(b"\5\0\0\1" + bytes(6))
                relay(self.connection, out)
        except (OSError, IndexError, struct.error):
            try:
                self.wfile.write(b"\5\5\0\1" + bytes(6))
            except OSError:
                pass


class RefusingProxy(Handler):
    """An HTTP proxy that answers every request with 502."""

    def one(self):
        while self.rfile.readline(65536).strip():
            pass
        self.server.seen.append("asked")
        return self.answer(502, b"no")
