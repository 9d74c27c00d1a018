#!/usr/bin/env python3
"""fetch/ against servers of this machine: good answers, every kind of bad one, redirects, TLS, proxies, limits."""
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile

import server
from server import MIB, Server

top = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
variant = os.environ.get("VARIANT", "release")
DRIVE = f"{top}/build/{variant}/tests/fetch_drive"
counts = {"passed": 0, "failed": 0, "skipped": 0}


def expect(what, ok, *shown):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print("FAIL", what, *shown)


def skip(why):
    counts["skipped"] += 1
    print("skipped:", why)


def drive(verb, url, env=None, **options):
    words = [f"{k}={v}" for k, v in options.items()]
    base = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent"}
    p = subprocess.run([DRIVE, verb, url, *words], env={**base, **(env or {})}, capture_output=True, timeout=60, check=False)
    try:
        return json.loads(p.stdout)
    except ValueError:
        return {"outcome": f"died {p.returncode}", "error": p.stderr.decode(errors="replace")}


def get(url, **options):
    return drive("get", url, **options)


def get_env(url, env):
    p = subprocess.run([DRIVE, "get", url, "env"], env=env, capture_output=True, timeout=60, check=False)
    return json.loads(p.stdout)


def is_(what, got, **want):
    bad = {k: got.get(k) for k, v in want.items() if got.get(k) != v}
    expect(what, not bad, bad, got.get("error"))
    return got


def plain_answers(h):
    got = is_("plain", get(h + "/plain"), rc=0, outcome="ok", status=200, body="hello", len=5, redirects=0, error=None)
    is_("no descriptor is left", got, inherited=0, open_after=get("ftp://x/")["open_after"])
    is_("empty", get(h + "/empty"), rc=0, outcome="ok", len=0, has_body=True)
    is_("204", get(h + "/nothing"), rc=0, outcome="ok", status=204, len=0)
    is_("bytes", get(h + "/nul"), rc=0, len=4)
    is_("gzip", get(h + "/gzip"), rc=0, len=5000)
    is_("deflate", get(h + "/deflate"), rc=0, body="hello")
    is_("br", get(h + "/br"), rc=0, body="hello")
    is_("early hints", get(h + "/continue"), rc=0, body="hello", etag=None)
    echo = json.loads(get(h + "/echo")["body"])
    expect("default agent", echo["user-agent"].startswith("xrat/"), echo)
    expect("compression is asked for", "gzip" in echo["accept-encoding"], echo)
    expect("no condition, no credential", not {"if-none-match", "authorization", "cookie"} & set(echo), echo)
    echo = json.loads(get(h + "/echo", agent="clash-verge/1.0")["body"])
    expect("own agent", echo["user-agent"] == "clash-verge/1.0", echo)
    for status in (400, 401, 403, 404, 429, 500, 503):
        is_(f"status {status}", get(f"{h}/status/{status}"), outcome="http status", status=status, has_body=False, len=0)


def conditions(h):
    is_("first time", get(h + "/etag"), outcome="ok", etag='"v1"', last_modified="Sat, 21 Nov 2026 19:14:27 GMT")
    is_("304", get(h + "/etag", etag='"v1"'), rc=0, outcome="not modified", status=304, has_body=False, etag='"v1"')
    is_("other tag", get(h + "/etag", etag='"v0"'), rc=0, outcome="ok", body="hello")
    is_("date", get(h + "/dated", lm="Sat, 21 Nov 2026 19:14:27 GMT"), rc=0, outcome="not modified")
    is_("304 that nobody asked for", get(h + "/unasked"), outcome="http status", status=304)


def account(h):
    is_("account", get(h + "/account"), userinfo=True, upload=1, download=2, total=107374182400, expire=1767225600,
        title="\U0001f1e9 Ko", interval=24, content_type="text/plain; charset=utf-8")
    is_("name, encoded", get(h + "/named"), title="\u043f.")
    is_("name, plain", get(h + "/named-plain"), title="a b.txt", userinfo=False, upload=-1, total=-1, expire=-1)
    is_("odd headers", get(h + "/odd-headers"), rc=0, etag=None, interval=0, title=None)


def limits(h):
    is_("declared too big", got := get(h + "/declared"), outcome="too big", rc=-27, has_body=False)
    expect("declared too big: at once", got["ms"] < 3000, got)
    for path in ("streamed", "undeclared", "bomb", "bomb2"):
        is_(path, get(f"{h}/{path}"), outcome="too big", has_body=False)
    is_("own limit", get(h + "/gzip", max=4999), outcome="too big")
    is_("own limit, met", get(h + "/gzip", max=5000), rc=0, len=5000)
    is_("16 MiB", get(f"{h}/exact/{16 * MIB}"), rc=0, len=16 * MIB)
    is_("16 MiB and one", get(f"{h}/exact/{16 * MIB + 1}"), outcome="too big")
    is_("endless header", get(h + "/endless-header"), outcome="too big")
    # libcurl's own limit; some versions call it a want of memory
    expect("one endless line", get(h + "/long-line")["outcome"] in ("too big", "broken", "system"))
    for path in ("stall", "stall-body", "drip", "drip-header"):
        got = is_(path, get(f"{h}/{path}", timeout=400), outcome="timeout", rc=-110)
        expect(f"{path}: in time", 350 <= got["ms"] < 5000, got)
    got = is_("aborted", get(h + "/stall", abort=200), outcome="aborted", rc=-125)
    expect("aborted: soon", got["ms"] < 5000, got)


def damage(h):
    for path in ("short", "bad-gzip", "half-gzip", "two-lengths", "bad-length", "bad-chunk", "half-chunk", "garbage",
                 "http09", "close"):
        got = get(f"{h}/{path}")
        ok = got["outcome"] == "broken" and got["rc"] == -5 and not got["has_body"]
        if path in ("two-lengths", "half-gzip"):  # libraries differ in what they forgive; never more than was sent
            ok = ok or (got["outcome"] == "ok" and got["len"] <= 25600)
        expect(path, ok, got)
    is_("more than declared", get(h + "/longer"), rc=0, body="hello")


def redirects(h, other, tls, ca):
    is_("10 redirects", get(h + "/chain/10"), rc=0, body="hello", redirects=10)
    is_("11 redirects", get(h + "/chain/11"), outcome="redirect", rc=-40, redirects=10)
    is_("loop", get(h + "/loop"), outcome="redirect")
    is_("relative", get(h + "/go?plain"), rc=0, body="hello", redirects=1, etag=None, title=None)
    is_("no location", get(h + "/nowhere"), outcome="broken")
    is_("body of a redirect", get(h + "/big-redirect"), outcome="too big")
    for to in ("file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/", "data:,x", "http://", "//"):
        expect(f"to {to}", get(f"{h}/go?{to}")["outcome"] in ("redirect", "broken"), get(f"{h}/go?{to}"))
    is_("http to https", get(f"{h}/go?{tls}/plain", ca=ca), rc=0, body="hello")
    is_("https to http", get(f"{tls}/go?{h}/plain", ca=ca), outcome="redirect")
    is_("https to http, allowed", get(f"{tls}/go?{h}/plain", ca=ca, downgrade=1), rc=0, body="hello")
    is_("http to https to http", get(f"{h}/go?{tls}/go?{h}/plain", ca=ca), outcome="redirect")
    named = h.replace("http://", "http://user:S3CRET@")
    expect("credentials are sent", json.loads(get(named + "/echo")["body"]).get("authorization", "").startswith("Basic "))
    echo = json.loads(get(named + "/go?/echo", etag="t")["body"])
    expect("and along on the same server", "authorization" in echo and echo.get("if-none-match") == "t", echo)
    echo = json.loads(get(f"{named}/go?{other}/echo", etag="t", lm="d")["body"])
    expect("but to no other", not {"authorization", "if-none-match", "if-modified-since"} & set(echo), echo)
    echo = json.loads(get(f"{named}/go?{other}/go?{h}/echo")["body"])
    expect("back on it again", "authorization" in echo, echo)
    echo = json.loads(get(f"{h}/go?{other.replace('http://', 'http://a:b@')}/echo")["body"])
    expect("nor do a redirect's own count", "authorization" not in echo, echo)


def certificates(path):
    """A CA, a certificate for 127.0.0.1, and one that nobody signed."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=path, check=True, capture_output=True, timeout=60)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-subj", "/CN=test CA", "-days", "2")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "srv.key", "-out", "srv.csr",
            "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1")
    openssl("x509", "-req", "-in", "srv.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "srv.pem", "-days", "2",
            "-copy_extensions", "copy")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "own.key", "-out",
            "own.pem", "-subj", "/CN=own", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")


def context(path, name):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(f"{path}/{name}.pem", f"{path}/{name}.key")
    return c


def tls(url, own, ca, plain_port):
    is_("tls", get(url + "/plain", ca=ca), rc=0, body="hello")
    is_("tls, not in the system's list", get(url + "/plain"), outcome="tls", rc=-71)
    is_("tls, the environment adds nothing", get(url + "/plain", env={"SSL_CERT_FILE": ca, "CURL_CA_BUNDLE": ca}), outcome="tls")
    is_("tls, another name", get(url.replace("127.0.0.1", "localhost") + "/plain", ca=ca), outcome="tls")
    is_("tls, signed by itself", get(own + "/plain", ca=ca), outcome="tls")
    is_("tls, no such CA file", get(url + "/plain", ca="/nonexistent"), outcome="tls")
    got = get(f"https://127.0.0.1:{plain_port}/plain", ca=ca, timeout=300)
    expect("tls to a plain port", got["outcome"] in ("tls", "broken", "timeout"), got)
    expect("plain to a tls port", get(url.replace("https", "http") + "/plain")["outcome"] == "broken")


def unreachable(free):
    for url in ("ftp://x/", "file:///etc/passwd", "", "x", "http://", "//x", "http://a b/", "javascript:1", "http://[::1"):
        got = get(url)
        expect(f"bad url '{url}'", got["outcome"] in ("bad url", "dns"), got)
    is_("dns", get("http://S3CRET.invalid/"), outcome="dns", rc=-113)
    is_("refused", get(f"http://127.0.0.1:{free}/"), outcome="refused", rc=-111)


def masks(h, free):
    secret = "S3CRET"
    tail = f"{secret}/{secret}?token={secret}#{secret}"
    for base in (h, f"http://127.0.0.1:{free}", "http://name.invalid", "ftp://x", "http://127.0.0.1:99999"):
        url = base.replace("://", f"://{secret}:{secret}@") + "/" + tail
        for verb in ("get", "probe"):
            got = drive(verb, url)
            expect(f"{verb} {base}: nothing of the URL is told", secret not in json.dumps({**got, "body": ""}), got)
    got = get(f"{h}/go?http://{secret}:{secret}@127.0.0.1:{free}/{tail}")
    expect("nor of where it leads", got["outcome"] == "refused" and secret not in json.dumps(got), got)
    expect("what is shown", get(f"{h}/plain?a=b")["shown"] == h + "/...", get(f"{h}/plain?a=b")["shown"])


def proxies(h, tls_url, ca, free):
    socks, refusing = Server(server.Socks), Server(server.RefusingProxy)
    proxy = f"socks5h://127.0.0.1:{socks.port}"
    port = int(h.rsplit(":", 1)[1])
    is_("socks", get(h + "/plain", proxy=proxy), rc=0, body="hello")
    is_("socks, a name for the proxy to find", get(f"http://name.invalid:{port}/plain", proxy=proxy), rc=0, body="hello")
    expect("socks: asked by name", (3, b"name.invalid", port) in socks.seen, socks.seen)
    is_("socks, tls", get(tls_url + "/plain", proxy=proxy, ca=ca), rc=0, body="hello")
    is_("socks, nobody behind it", get(f"http://127.0.0.1:{free}/", proxy=proxy), outcome="proxy", rc=-101)
    is_("no proxy there", get(h + "/plain", proxy=f"socks5h://127.0.0.1:{free}"), outcome="proxy")
    is_("not a proxy", get(h + "/plain", proxy=f"socks5h://127.0.0.1:{port}", timeout=300), outcome="timeout")
    is_("http proxy refuses", get(tls_url + "/plain", proxy=f"http://127.0.0.1:{refusing.port}", ca=ca), outcome="proxy")
    env = {n: f"http://127.0.0.1:{refusing.port}" for n in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY")}
    is_("environment: not heard", get(h + "/plain", env=env), rc=0, body="hello")
    is_("environment: heard when asked", get_env(h + "/plain", env), outcome="http status", status=502)
    is_("environment: no way round a proxy", get(h + "/plain", proxy=proxy, env={"no_proxy": "*"}), rc=0)
    is_("probe", got := drive("probe", tls_url + "/plain", proxy=proxy, ca=ca), rc=0, status=200)
    expect("probe: times", 0 <= got["connect_us"] <= got["tls_us"] <= got["first_byte_us"] <= got["total_us"], got)
    is_("probe: any status", drive("probe", h + "/status/503", proxy=proxy), rc=0, status=503, outcome="ok")
    is_("probe: no redirect is followed", drive("probe", h + "/loop", proxy=proxy), rc=0, status=302)
    is_("probe: 204", drive("probe", h + "/nothing", proxy=proxy), rc=0, status=204)
    is_("probe: a long body is not waited for", drive("probe", h + "/streamed", proxy=proxy), rc=0, status=200)
    is_("probe: nor one that is declared", drive("probe", h + "/exact/1048576", proxy=proxy), rc=0, status=200)
    got = is_("probe: stalled", drive("probe", h + "/stall", proxy=proxy, timeout=300), outcome="timeout", status=0)
    expect("probe: connected, no byte", got["connect_us"] >= 0 and got["first_byte_us"] < 0, got)
    is_("probe: refused", drive("probe", f"http://127.0.0.1:{free}/"), outcome="refused", connect_us=-1000, status=0)
    socks.end()
    refusing.end()


def threads(h, tls_url, ca):
    is_("8 threads, 50 requests each", get(h + "/plain", threads=8, times=50), bad=0)
    is_("8 threads over TLS", get(tls_url + "/plain", threads=8, times=10, ca=ca), bad=0)


def main():
    if subprocess.run(["make", "-s", f"VARIANT={variant}", f"build/{variant}/tests/fetch_drive"], cwd=top, check=False).returncode:
        print("fetch: 0 passed, 1 failed, 0 skipped")
        return 1
    with tempfile.TemporaryDirectory() as path, socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it
        free = held.getsockname()[1]
        certificates(path)
        web, other = Server(), Server()
        secure, own = Server(context=context(path, "srv")), Server(context=context(path, "own"))
        h, o = f"http://127.0.0.1:{web.port}", f"http://127.0.0.1:{other.port}"
        s, ca = f"https://127.0.0.1:{secure.port}", f"{path}/ca.pem"
        plain_answers(h)
        conditions(h)
        account(h)
        limits(h)
        damage(h)
        redirects(h, o, s, ca)
        tls(s, f"https://127.0.0.1:{own.port}", ca, web.port)
        unreachable(free)
        masks(h, free)
        proxies(h, s, ca, free)
        threads(h, s, ca)
        for one in (web, other, secure, own):
            one.end()
    print(f"fetch: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0


if __name__ == "__main__":
    sys.exit(main())
