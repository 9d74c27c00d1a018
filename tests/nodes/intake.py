"""add, import and update."""
import json
import os

from nbed import CLASH, SECRET, SERVER, SIP008, UUID, XRAY, Root, b64, expect, links, trojan


def add():
    r = Root()
    got = r.json("add", trojan(1), trojan(2))
    expect("add: two are new", got["new"] == 2 and [n["outcome"] for n in got["nodes"]] == ["new", "new"], got)
    expect("add: by hand", got["subscription"] is None, got)
    got = r.json("add", trojan(1, "renamed"))
    expect("add: there already", got["new"] == 0 and got["duplicates"] == 1, got)
    expect("add: the name is brought up to date", "renamed" in r.names(), r.names())
    out = r.ok("add", "-", stdin=trojan(3))
    expect("add: text names the node", "added node 3 (" in out and "'node-3'" in out, out)
    expect("add: no secret in what it says", SECRET not in out, out)
    e = r.error(1, "add", trojan(4), "trojan://@127.0.0.1:1")
    expect("add: all or nothing", len(r.names()) == 3, r.names())
    expect("add: says what is wrong", any(d["code"].startswith("XR8") for d in e["diagnostics"]) and SECRET not in str(e), e)
    e = r.error(1, "add", trojan(4).replace("security=tls", "security=tls&unheard=1"))
    expect("add: an unknown parameter is named", "unheard" in str(e["diagnostics"]), e)
    r.ok("add", "--lenient", trojan(4).replace("security=tls", "security=tls&unheard=1"))
    expect("add: lenient", len(r.names()) == 4)
    r.error(1, "add", "-", stdin="")
    r.error(2, "add")
    mode = {n: oct(os.stat(f"{r.root}/{n}").st_mode & 0o777) for n in os.listdir(r.root)}
    expect("add: files are 0600", all(m == "0o600" for n, m in mode.items() if n.startswith("xrat.db")) and "xrat.db" in mode, mode)
    fresh = Root()
    os.rmdir(fresh.root)
    fresh.ok("add", trojan(1))
    expect("add: makes a root", oct(os.stat(fresh.root).st_mode & 0o777) == "0o700")


FORMS = {
    "links": (links(1, 2, 3), 3), "base64": (b64(links(1, 2, 3)), 3), "sip008": (SIP008, 2), "clash": (CLASH, 3), "xray": (XRAY, 1),
}


def forms():
    for name, (text, n) in FORMS.items():
        r = Root()
        SERVER.put(f"/{name}", text)
        got = r.json("import", SERVER.url(f"/{name}"), "--name", name)
        expect(f"import {name}: {n} new", got["new"] == n and got["failed"] == 0, got)
        expect(f"import {name}: a subscription", got["subscription"]["name"] == name and got["subscription"]["nodes"] == n, got)
        expect(f"import {name}: no secret", SECRET not in json.dumps(got), got)
        path = r.write("file.txt", text)
        got = r.json("import", path)
        expect(f"import {name}: as a file, again", got["new"] == 0 and got["duplicates"] == n and
               got["subscription"]["kind"] == "file", got)
        got = r.json("import", "-", stdin=text)
        expect(f"import {name}: from stdin, by hand", got["duplicates"] == n and got["subscription"] is None, got)
        got = r.json("import", "-", "--name", "own", stdin=text)
        expect(f"import {name}: from stdin with a name", got["subscription"]["kind"] == "raw_text", got)
    r = Root()
    got = r.json("import", trojan(1), trojan(2))
    expect("import: links", got["new"] == 2, got)
    out = r.ok("import", links(1, 2, 3))
    expect("import: text", out == "3 nodes: 1 new, 2 there already\n", out)
    got = r.json("import", "-", stdin=links(4) + "trojan://@nowhere\nss://%%%\n# comment\n")
    expect("import: bad lines are counted", got["new"] == 1 and got["failed"] == 2 and len(got["diagnostics"]) >= 2, got)
    code, out, err = r.xrat("import", "-", stdin=links(5) + "trojan://@nowhere\n")
    expect("import: bad lines are shown and not fatal", code == 0 and "1 entry could not be read" in out and "error[XR80" in err, out, err)
    e = r.error(2, "import", f"{r.dir}/missing.txt")
    expect("import: a missing file", "missing.txt" in e["message"], e)
    e = r.error(1, "import", r.write("page.html", "<html>login</html>"))
    expect("import: a web page", e["diagnostics"][0]["code"] == "XR860", e)
    e = r.error(1, "import", r.write("half.json", '{"outbounds": ['))
    expect("import: half a file", e["diagnostics"][0]["code"] == "XR861", e)
    e = r.error(1, "import", r.write("kind.yaml", "proxies:\n  - { name: a, type: ssr, server: a.example, port: 1 }\n"))
    expect("import: an unknown kind", e["diagnostics"][0]["code"] == "XR862", e)


def answers():
    r = Root()
    SERVER.gzip("/gzip", links(1, 2))
    SERVER.redirect("/redirect", "/gzip")
    SERVER.put("/big", b"#" * (17 * 1024 * 1024))
    SERVER.slow("/slow")
    SERVER.put("/void", " \n")
    got = r.json("import", SERVER.url("/redirect"), "--user-agent", "special/1")
    expect("fetch: redirect and gzip", got["new"] == 2, got)
    expect("fetch: user agent", any(h.get("User-Agent") == "special/1" for p, h in SERVER.seen if p.startswith("/gzip")))
    for path, words in (("/big", "larger"), ("/absent", "404"), ("/slow", "within 10000 ms")):
        e = r.error(3, "import", SERVER.url(path))
        expect(f"fetch {path}: why", words in e["message"] and SECRET not in e["message"], e)
    e = r.error(1, "import", SERVER.url("/void"))
    expect("fetch: empty", "empty" in e["message"], e)
    e = r.error(3, "import", "http://127.0.0.1:1/sub?token=" + SECRET)
    expect("fetch: nobody there", "127.0.0.1:1" in e["message"] and SECRET not in e["message"], e)
    subs = r.json("list", "subscriptions")["subscriptions"]
    expect("fetch: what failed is no subscription", len(subs) == 1, subs)


def etags():
    r = Root()
    SERVER.etag("/etag", links(1, 2), '"one"', Subscription_Userinfo="upload=1; download=2; total=100; expire=2000000000",
                Profile_Title="base64:" + b64("Prövider"))
    r.ok("import", SERVER.url("/etag"))
    sub = r.json("list", "subscriptions")["subscriptions"][0]
    expect("etag: userinfo and title", (sub["upload_bytes"], sub["total_bytes"], sub["name"]) == (1, 100, "Prövider") and
           sub["expires_at"] == "2033-05-18T03:33:20Z", sub)
    got = r.json("update")["subscriptions"][0]
    expect("etag: not modified", got["outcome"] == "not_modified", got)
    expect("etag: was asked", SERVER.seen[-1][1].get("If-None-Match") == '"one"', SERVER.seen[-1])
    expect("etag: text", "not modified" in r.ok("update"))
    SERVER.etag("/etag", links(2, 3), '"two"')
    got = r.json("update")["subscriptions"][0]
    expect("update: one new, one lost", (got["outcome"], got["new"], got["lost"]) == ("updated", 1, 1), got)
    expect("update: userinfo stays", r.json("list", "subscriptions")["subscriptions"][0]["total_bytes"] == 100)
    expect("update: what is lost is removed", r.names() == ["node-2", "node-3"] and r.names("--deleted") == ["node-1"])
    SERVER.etag("/etag", links(1, 2, 3), '"three"')
    expect("update: what is back is restored", r.json("update")["subscriptions"][0]["restored"] == 1)


def guards():
    r = Root()
    SERVER.put("/guard", links(1, 2, 3, 4, 5))
    r.ok("import", SERVER.url("/guard"), "--name", "g")
    for text, code, words in (("", 1, "empty"), ("# nothing\n", 1, ""), ("<html>", 1, "not an input"), (links(1, 2), 2, "--yes")):
        SERVER.put("/guard", text)
        e = r.error(code, "update")
        one = e["subscriptions"][0]
        expect(f"guard {text[:8]!r}: refused", one["outcome"] == "failed" and words in one["reason"], e)
        expect(f"guard {text[:8]!r}: nothing is gone", len(r.names()) == 5)
        sub = r.json("list", "subscriptions")["subscriptions"][0]
        expect(f"guard {text[:8]!r}: remembered", sub["last_error"] == one["reason"], sub)
    SERVER.put("/guard", links(1, 2))
    got = r.json("update", "--yes")["subscriptions"][0]
    expect("guard: --yes", got["lost"] == 3 and len(r.names()) == 2, got)
    SERVER.put("/guard", links(6, 7, 8))
    e = r.error(2, "import", SERVER.url("/guard"))
    expect("guard: import too", "--yes" in e["message"], e)
    # What a user removed stays removed for update, and comes back with import.
    SERVER.put("/guard", links(1, 2))
    r.ok("remove", "1")
    got = r.json("update")["subscriptions"][0]
    expect("update: a user's removal stays", got["left_removed"] == 1 and r.names() == ["node-2"], got)
    r.ok("import", SERVER.url("/guard"))
    expect("import: brings it back", r.names() == ["node-1", "node-2"])


def several():
    r = Root()
    SERVER.put("/a", links(1, 2))
    SERVER.put("/b", links(2, 3))
    path = r.write("c.txt", links(9))
    r.ok("import", SERVER.url("/a"), "--name", "a")
    r.ok("import", SERVER.url("/b"), "--name", "b")
    r.ok("import", path, "--name", "c")
    r.ok("import", "-", "--name", "raw", stdin=links(10))
    SERVER.pages.pop("/a")
    r.write("c.txt", links(9, 11))
    code, out, err = r.xrat("update")
    expect("several: the worst exit code", code == 3, code)
    expect("several: the others go on", "subscription 2 'b': 2 nodes" in out and "subscription 3 'c': 2 nodes: 1 new" in out, out)
    expect("several: the failed one is told", "subscription 1 'a'" in err and "404" in err and SECRET not in err, err)
    e = r.error(3, "update")
    expect("several: JSON", [s["outcome"] for s in e["subscriptions"]] == ["failed", "updated", "updated", "skipped"], e)
    expect("several: one by name", r.json("update", "2")["subscriptions"][0]["id"] == 2)
    ref = r.json("list", "subscriptions")["subscriptions"][1]["ref"]
    expect("several: one by ref", r.json("update", ref[:6])["subscriptions"][0]["id"] == 2)
    r.error(7, "update", "77")
    r.error(2, "update", "4")
    SERVER.put("/a", links(1, 2))
    # A node of two subscriptions stays while one has it.
    r.json("update", "1")
    SERVER.put("/b", links(3, 12, 13))
    r.json("update", "2")
    expect("several: held by another", "node-2" in r.names(), r.names())
    SERVER.put("/b", links(12, 13))
    before = len(r.names())
    r.ok("remove", "subscription", "2", "--yes")
    expect("several: a subscription takes its own", len(r.names()) == before - 3, r.names())


def quiet():
    r = Root()
    SERVER.put("/q", links(1))
    for words in (("import", SERVER.url("/q")), ("update",), ("add", trojan(2))):
        code, _, err = r.xrat(*words)
        expect(f"{words[0]}: nothing on stderr without a terminal", code == 0 and err == "", err)
    _, _, err = r.xrat("update", "--progress")
    expect("update --progress: lines", "updating 1 of 1" in err and "\r" not in err, err)
    _, out, err = r.xrat("-qq", "import", r.write("bad", "<html>"))
    expect("-qq: nothing", out == "" and err == "", out, err)
    code, out, err = r.xrat("-q", "import", "-", stdin=f"vless://{UUID}@127.0.0.1:1?type=tcp&security=none\ntrojan://@x\n")
    expect("-q: errors alone", code == 0 and "error[" in err, err)


PARTS = [add, forms, answers, etags, guards, several, quiet]
