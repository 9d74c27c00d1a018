"""A CONFIG_ROOT without a daemon, and a server of subscriptions."""
import base64
import collections
import gzip
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "service"))
from bed import ENV, SLOW, TOP, XRAT, free_port, get, process_of, put, until  # noqa: E402,F401  # pylint: disable=wrong-import-position,unused-import

try:
    import jsonschema
    with open(f"{TOP}/schemas/cli-output.schema.json", encoding="utf-8") as schema_file:
        VALIDATOR = jsonschema.Draft7Validator(json.load(schema_file))
except ImportError:
    VALIDATOR = None

SECRET = "C4n4ry0f5ecret"  # in every password; a UUID below is one, too
UUID = "c4a4a4ee-0000-4000-8000-00000000beef"
tally = collections.Counter()


def expect(what, ok, *shown):
    tally["passed" if ok else "failed"] += 1
    if not ok:
        print("FAIL", what, *(s if isinstance(s, str) and len(s) < 2000 else repr(s)[:2000] for s in shown), flush=True)
    return ok


def skip(what):
    tally["skipped"] += 1
    print("skipped:", what, flush=True)


def fits_schema(what, doc):
    if VALIDATOR is not None and len(json.dumps(doc)) < 1 << 20:
        faults = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"[:300] for e in VALIDATOR.iter_errors(doc)]
        expect(f"{what}: the document fits its schema", not faults, faults[:3])


def trojan(n, name=None, host="127.0.0.1"):
    return f"trojan://{SECRET}{n}@{host}:{20000 + n}?security=tls&sni=s{n}.example.net#{name or f'node-{n}'}"


def links(*numbers):
    return "".join(trojan(n) + "\n" for n in numbers)


class Root:
    def __init__(self, toml="", path=None):
        self.dir = path or tempfile.mkdtemp(prefix="xrat-nodes.")
        self.root = f"{self.dir}/root"
        os.mkdir(self.root, 0o700)
        if toml:
            put(f"{self.root}/config.toml", toml)

    def command(self, *words):
        return [XRAT, "--root", self.root, *map(str, words)]

    def xrat(self, *words, stdin=None, timeout=60, **more):
        p = subprocess.run(self.command(*words), env=ENV, input=stdin.encode() if isinstance(stdin, str) else stdin,
                           stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
                           timeout=timeout * SLOW, check=False, **more)
        return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")

    def ok(self, *words, **more):
        """stdout; a word about it when it fails."""
        code, out, err = self.xrat(*words, **more)
        expect(f"{' '.join(map(str, words))[:60]}: exit 0", code == 0, code, err)
        return out

    def json(self, *words, **more):
        """The result with --format json."""
        out = self.ok("--format", "json", *words, **more)
        try:
            doc = json.loads(out)
        except ValueError:
            expect(f"{words[0]}: a document", False, out)
            return {}
        fits_schema(words[0], doc)
        expect(f"{words[0]}: the document's head", doc.get("schema_version") == "1" and doc.get("command") == words[0], doc)
        return doc.get("result", {})

    def error(self, code, *words, **more):
        """The error document; code is expected and stdout is empty."""
        got, out, err = self.xrat("--format", "json", *words, **more)
        expect(f"{' '.join(map(str, words))[:60]}: exit {code}", got == code, got, err)
        expect(f"{words[0]}: stdout is empty when it fails", out == "", out)
        try:
            doc = json.loads(err)
            fits_schema(words[0], doc)
            return doc["error"]
        except (ValueError, KeyError):
            expect(f"{words[0]}: an error document", False, err)
            return {"message": err, "code": "", "diagnostics": []}

    def names(self, *words):
        return [n["name"] for n in self.json("list", *words)["nodes"]]

    def write(self, name, text):
        path = f"{self.dir}/{name}"
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def database(self):
        return f"{self.root}/xrat.db"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # pylint: disable=invalid-name
        path = self.path.partition("?")[0]
        self.server.seen.append((self.path, dict(self.headers.items())))
        page = self.server.pages.get(path)
        if page is None:
            self.reply(404, b"no such page")
        elif callable(page):
            page(self)
        else:
            self.reply(200, page)

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Server:
    def __init__(self):
        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.pages = self.server.pages = {}
        self.seen = self.server.seen = []
        self.port = self.server.server_address[1]
        self.stop = threading.Event()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path, secret=SECRET):
        return f"http://127.0.0.1:{self.port}{path}?token={secret}"

    def put(self, path, body):
        """Text, or a function of the handler."""
        self.pages[path] = body if callable(body) else body if isinstance(body, bytes) else body.encode()

    def etag(self, path, text, tag, **headers):
        def page(h):
            if h.headers.get("If-None-Match") == tag:
                h.reply(304)
            else:
                h.reply(200, text.encode(), [("ETag", tag), *((k.replace("_", "-"), v) for k, v in headers.items())])
        self.pages[path] = page

    def gzip(self, path, text):
        self.pages[path] = lambda h: h.reply(200, gzip.compress(text.encode()), [("Content-Encoding", "gzip")])

    def redirect(self, path, to):
        self.pages[path] = lambda h: h.reply(302, b"", [("Location", to)])

    def slow(self, path):
        self.pages[path] = lambda h: self.stop.wait(30)


SERVER = Server()


def b64(text):
    return base64.b64encode(text.encode()).decode()


SIP008 = json.dumps({"version": 1, "servers": [
    {"id": "x", "remarks": "sip-1", "server": "127.0.0.1", "server_port": 8388, "password": SECRET, "method": "aes-256-gcm"},
    {"id": "y", "remarks": "sip-2", "server": "127.0.0.1", "server_port": 8389, "password": SECRET, "method": "aes-128-gcm"}]})
CLASH = f"""proxies:
  - {{ name: clash-1, type: ss, server: 127.0.0.1, port: 8400, cipher: aes-128-gcm, password: {SECRET} }}
  - {{ name: clash-2, type: trojan, server: 127.0.0.1, port: 8401, password: {SECRET}, sni: a.example.net }}
  - {{ name: clash-3, type: vmess, server: 127.0.0.1, port: 8402, uuid: {UUID}, alterId: 0, cipher: auto }}
  - {{ name: other, type: direct }}
"""
XRAY = json.dumps({"inbounds": [], "outbounds": [
    {"tag": "xray-1", "protocol": "vless", "settings": {"vnext": [{"address": "127.0.0.1", "port": 8500, "users": [
        {"id": UUID, "encryption": "none"}]}]}, "streamSettings": {"network": "ws", "security": "tls",
                                                                 "wsSettings": {"path": "/p"}}},
    {"tag": "direct", "protocol": "freedom"}]})
