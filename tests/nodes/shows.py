"""list, show, enable, disable, remove, restore, purge, export."""
import json
import os
import pty
import sqlite3
import stat
import subprocess
import fcntl
import struct
import termios
import urllib.parse

from nbed import CLASH, ENV, SECRET, SERVER, SIP008, UUID, XRAT, XRAY, Root, b64, expect, get, links, put, trojan

EVIL = "a\x1b[31mred\u202ex\u0007"  # no input lets the control characters through; a database may hold them all the same


def lists():
    r = Root()
    expect("list: no database", r.ok("list") == "" and r.json("list") == {"nodes": [], "count": 0})
    expect("list: no subscriptions", r.json("list", "subscriptions") == {"subscriptions": [], "count": 0})
    expect("list: makes nothing", os.listdir(r.root) == [])
    r.ok("add", links(1, 2, 3).strip())
    r.ok("add", f"ss://{b64('aes-128-gcm:' + SECRET).rstrip('=')}@[::1]:8388#" + urllib.parse.quote("zwölf 日本 🇩🇪"))
    r.ok("add", trojan(7, urllib.parse.quote("a\u202ex")))
    with sqlite3.connect(r.database()) as db:
        db.execute("UPDATE configs SET name = ? WHERE id = 5", (EVIL,))
    r.ok("disable", 2)
    r.ok("remove", 3)
    out = r.ok("list")
    rows = out.splitlines()
    expect("list: a table", rows[0].split() == ["ID", "REF", "STATE", "PROTOCOL", "ADDRESS", "NETWORK", "TLS", "DELAY", "NAME"], out)
    expect("list: rows", len(rows) == 5 and "disabled" in rows[2] and "[::1]:8388" in rows[3] and "日本 🇩🇪" in rows[3], out)
    expect("list: control characters are escaped", "\\x1b[31mred\\u202ex\\x07" in out and "\x1b" not in out and "\u202e" not in out, out)
    expect("list: no secret", SECRET not in out and b64(SECRET)[:12] not in out, out)
    expect("list --enabled-only", r.names("--enabled-only")[0] == "node-1" and len(r.names("--enabled-only")) == 3)
    expect("list --deleted", r.names("--deleted") == ["node-3"])
    expect("list --all", len(r.names("--all")) == 5)
    expect("list --protocol", len(r.names("--protocol", "trojan")) == 3 and len(r.names("--protocol", "ss")) == 1)
    r.error(2, "list", "--protocol", "nonsense")
    expect("list --sort", r.names("--sort", "name")[1] == "node-1", r.names("--sort", "name"))
    expect("list --limit", len(r.names("--limit", "2")) == 2)
    r.error(2, "list", "--sort", "nonsense")
    r.error(2, "list", "horses")
    r.error(7, "list", "--subscription", "5")
    node = r.json("list")["nodes"][0]
    wanted = {"id", "ref", "name", "protocol", "address", "port", "network", "tls", "sni", "enabled", "deleted", "active", "latest_test"}
    expect("list: JSON has what a row has", wanted <= set(node) and node["latest_test"] is None and node["enabled"] is True, node)
    expect("list: JSON has no secret", SECRET not in json.dumps(r.json("list", "--all")))
    SERVER.put("/list", links(20, 21))
    r.ok("import", SERVER.url("/list"), "--name", "feed")
    expect("list --subscription", r.names("--subscription", "1") == ["node-20", "node-21"])
    out = r.ok("list", "subscriptions")
    expect("list subscriptions: no secret", "feed" in out and SECRET not in out and f"127.0.0.1:{SERVER.port}" in out, out)


def on_terminal(r, columns, *words, keys=b""):
    """What a terminal of so many columns gets; keys: what is typed there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    p = subprocess.Popen(r.command(*words), env=ENV, stdin=slave, stdout=slave, stderr=slave, close_fds=True)
    os.close(slave)
    os.write(master, keys)
    data = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        data += more
    os.close(master)
    return p.wait(), data.decode(errors="replace")


def terminal():
    r = Root()
    r.ok("add", trojan(1, "x" * 200, "very-long-host-name.of-a-provider.example.net"))
    r.ok("add", trojan(2, urllib.parse.quote("日" * 100)))
    code, out = on_terminal(r, 80, "list")
    widths = [sum(2 if ord(c) > 0x2e80 else 1 for c in line) for line in out.replace("\r", "").splitlines()]
    expect("terminal: fits 80 columns", code == 0 and max(widths) <= 80 and "…" in out, widths, out)
    code, out = on_terminal(r, 300, "list")
    expect("terminal: 300 columns have room", "x" * 120 in out, out)
    SERVER.put("/t", links(5))
    code, out = on_terminal(r, 80, "import", SERVER.url("/t"))
    expect("terminal: import shows progress", "fetching http://127.0.0.1" in out and SECRET not in out, out)
    code, out = on_terminal(r, 80, "-q", "update")
    expect("terminal: -q shows none", "updating" not in out, out)
    r = Root()
    for words, hint in ((("list",), "xrat import"), (("list", "subscriptions"), "xrat import URL"), (("update",), "xrat import URL")):
        code, out = on_terminal(r, 80, *words)
        expect(f"terminal: {words}: nothing there, and what to do", code == 0 and hint in out, out)
        expect(f"terminal: {words} -q: nothing", on_terminal(r, 80, "-q", *words) == (0, ""))
        code, out, err = r.xrat(*words)
        expect(f"no terminal: {words}: nothing", (code, out, err) == (0, "", ""), out, err)


def asks():
    """On a terminal what cannot be undone asks; anything but y is no."""
    for keys, yes in ((b"n\n", False), (b"\n", False), (b"\x04", False), (b"y\n", True)):
        r = Root()
        SERVER.put("/asks", links(1, 2, 3))
        r.ok("import", SERVER.url("/asks"))
        SERVER.put("/asks", links(1))
        for words in (("update",), ("import", SERVER.url("/asks"))):
            if yes and words[0] == "import":
                SERVER.put("/asks", links(5))
            code, out = on_terminal(r, 80, *words, keys=keys)
            expect(f"asks: {words[0]}, {keys!r}", "would be lost. Go on? [y/N]" in out and len(r.names()) == (1 if yes else 3) and
                   (code == 0 or not yes) and SECRET not in out, code, out)
        r.ok("add", trojan(9))
        node = r.json("list")["nodes"][-1]["id"]
        code, out = on_terminal(r, 80, "remove", "--hard", node, keys=keys)
        expect(f"asks: remove --hard, {keys!r}", "Go on? [y/N]" in out and (code == 0) == yes and
               ("node-9" not in r.names("--all")) == yes, code, out)
        code, out = on_terminal(r, 80, "remove", "subscription", 1, keys=keys)
        expect(f"asks: remove subscription, {keys!r}", "Go on? [y/N]" in out and (code == 0) == yes and
               (r.json("list", "subscriptions")["count"] == 0) == yes, code, out)
        if yes:
            r.ok("restore", 1)
            expect("a node of a subscription that was removed can be restored", "node-1" in r.names(), r.names("--all"))
        r.ok("add", trojan(8))
        r.ok("remove", r.json("list")["nodes"][-1]["id"])
        code, out = on_terminal(r, 80, "purge", keys=keys)
        expect(f"asks: purge, {keys!r}", "Go on? [y/N]" in out and (r.names("--deleted") == []) == yes, code, out)


def status():
    """Who has nodes and no desired files misses the daemon, not a starter for those."""
    r = Root()
    code, _, err = r.xrat("status")
    expect("status: an empty root", code == 1 and "init" in err, code, err)
    r.ok("add", trojan(1))
    code, _, err = r.xrat("status")
    expect("status: nodes and no daemon", code == 6 and "daemon start" in err, code, err)
    code, _, err = r.xrat("lsit")
    expect("two letters that changed places", code == 2 and "did you mean 'list'" in err, code, err)
    code, _, err = r.xrat("import", "https://")
    expect("import: half a URL", code == 3 and "fetch the URL: this is not an http or https URL" in err, code, err)


def show():
    r = Root()
    r.ok("add", f"vless://{UUID}@127.0.0.1:443?security=reality&pbk=xkeyxkeyxkeyxkeyxkeyxkeyxkeyxkeyxkeyxkeyxke&sid=abcd&sni=a.example&type=tcp&fp=chrome#v")
    r.ok("add", "-", stdin=f"hysteria2://{SECRET}@127.0.0.1:443?sni=a.example&obfs=salamander&obfs-password={SECRET}#h")
    for node in (1, 2):
        for words in (("show", node), ("--format", "json", "show", node)):
            out = r.ok(*words)
            expect(f"show {node}: no secret", SECRET not in out and UUID not in out and "abcd" not in out, out)
            out = r.ok(*words, "--show-secrets")
            expect(f"show {node} --show-secrets", (UUID if node == 1 else SECRET) in out, out)
    node = r.json("show", 1)["node"]
    expect("show: JSON", node["node"]["uuid"] == "(hidden)" and node["link"] is None and node["by_hand"] is True, node)
    ref = node["ref"]
    expect("show: by ref", r.json("show", ref[:7])["node"]["id"] == 1)
    expect("show: node by word", r.json("show", "node", ref)["node"]["id"] == 1)
    SERVER.put("/s", links(1))
    r.ok("import", SERVER.url("/s"), "--name", "feed")
    out = r.ok("show", "subscription", 1)
    expect("show subscription", "feed" in out and SECRET not in out, out)
    expect("show subscription --show-secrets", SECRET in r.ok("show", "subscription", 1, "--show-secrets"))
    sub = r.json("show", "subscription", 1)["subscription"]
    expect("show: a subscription by ref alone", r.json("show", sub["ref"])["subscription"]["id"] == 1)
    for words in (("show", 99), ("show", "zzz"), ("show", "subscription", 9)):
        r.error(7, *words)
    r.error(2, "show", "subscription")
    r.error(2, "show", "1", "2")
    with sqlite3.connect(r.database()) as db:
        db.execute("UPDATE subscriptions SET ref = '99' || substr(ref, 3)")
    r.error(7, "show", 99)
    expect("show: more of the same ref", r.json("show", r.json("list", "subscriptions")["subscriptions"][0]["ref"][:6])["subscription"]["id"] == 1)
    with sqlite3.connect(r.database()) as db:
        db.execute("UPDATE configs SET ref = 'abcdef000001' WHERE id = 1")
        db.execute("UPDATE configs SET ref = 'abcdef000002' WHERE id = 2")
    r.error(2, "show", "abcdef")
    expect("show: enough of a ref", r.json("show", "abcdef000002")["node"]["id"] == 2)


def change():
    r = Root()
    r.ok("add", links(1, 2, 3, 4).strip())
    got = r.json("disable", 1, 2)
    expect("disable: two", [n["changed"] for n in got["nodes"]] == [True, True], got)
    expect("disable: again", r.json("disable", 1)["nodes"][0]["changed"] is False)
    expect("disable: text", "node 3 (" in (out := r.ok("disable", 3)) and "is disabled" in out, out)
    r.error(7, "enable", 1, 99)
    expect("enable: all or nothing", len(r.names("--enabled-only")) == 1)
    r.ok("enable", 1, 2, 3)
    expect("enable", len(r.names("--enabled-only")) == 4)
    r.ok("remove", 1)
    expect("remove: hidden", len(r.names()) == 3)
    r.error(7, "enable", 1)
    expect("remove: again", r.json("remove", 1)["nodes"][0]["changed"] is False)
    expect("restore", r.json("restore", 1)["nodes"][0]["changed"] is True and len(r.names()) == 4)
    expect("restore: again", r.json("restore", 1)["nodes"][0]["changed"] is False)
    e = r.error(2, "remove", "--hard", 1)
    expect("remove --hard asks", "--yes" in e["message"], e)
    expect("remove --hard: still there", len(r.names()) == 4)
    r.ok("remove", "--hard", "--yes", 1)
    with sqlite3.connect(r.database()) as db:
        db.execute("UPDATE configs SET ref = '1' || substr(ref, 2) WHERE id = 2")
    r.error(7, "restore", 1)
    r.ok("remove", 2, 3)
    r.error(2, "purge")
    expect("purge", r.json("purge", "--yes") == {"purged": 2} and r.names("--all") == ["node-4"])
    expect("purge: nothing left", r.json("purge") == {"purged": 0})
    r.error(2, "remove", "subscription")
    r.error(7, "remove", "subscription", 1)
    got = r.json("add", trojan(1))
    expect("an id is never given twice", got["nodes"][0]["id"] == 5, got)
    with sqlite3.connect(r.database()) as db:
        db.execute("INSERT INTO runtime_sessions (config_id, status, created_at, updated_at, owner_kind) "
                   "VALUES (4, 'running', 1, 1, 'cli')")
    r.error(4, "remove", "--hard", "--yes", 4)
    expect("list: active", r.json("list")["nodes"][0]["active"] is True)


EVERY = [
    f"vless://{UUID}@127.0.0.1:443?encryption=none&security=reality&sni=a.example&fp=chrome&pbk=xkeyxkeyxkeyxkeyxkeyxkeyxkeyxkeyxkeyxkeyxke&sid=ab&type=grpc&serviceName=s#one",
    f"vless://{UUID}@127.0.0.1:443?encryption=none&security=tls&sni=a.example&type=xhttp&path=%2Fp&mode=auto#two",
    f"trojan://{SECRET}@[::1]:443?security=tls&sni=a.example&type=ws&path=%2Fw&host=h.example#drei%20%F0%9F%87%A9",
    "ss://YWVzLTI1Ni1nY206cGFzcw@127.0.0.1:8388#four",
    "socks5://user:pass@127.0.0.1:1080#five", "http://user:pass@127.0.0.1:8080#six", "https://127.0.0.1:8443#seven",
    f"hysteria2://{SECRET}@127.0.0.1:443?sni=a.example#eight",
]


def core(doc):
    """What a node is, whatever row it stands in."""
    return sorted(json.dumps({k: v for k, v in n.items() if k != "link"}, sort_keys=True) for n in doc)


def export():
    r = Root()
    for text in (CLASH, SIP008, XRAY, "\n".join(EVERY), links(1, 2)):
        r.ok("import", "-", stdin=text)
    n = len(r.names())
    expect("export: what goes in", n == 3 + 2 + 1 + len(EVERY) + 2, n)
    whole = json.loads(r.ok("export", "--format", "json"))
    expect("export json: all", len(whole) == n)
    for form in ("links", "base64", "json"):
        path = f"{r.dir}/{form}.out"
        expect(f"export {form}: nothing on stdout", r.ok("export", "--format", form, "--output", path) == "")
        expect(f"export {form}: 0600", os.stat(path).st_mode & 0o777 == 0o600)
        other = Root()
        got = other.json("import", path)
        expect(f"export {form}: import reads all", got["new"] == n and got["failed"] == 0, got)
        expect(f"export {form}: nothing is lost", core(json.loads(other.ok("export", "--format", "json"))) == core(whole))
    expect("export: --format json before the word", json.loads(r.ok("--format", "json", "export")) == whole)
    expect("export: links by default", r.ok("export", 1).count("\n") == 1)
    plain = Root()
    plain.ok("add", "ss://YWVzLTI1Ni1nY206cGFzcw@127.0.0.1:8388#four")
    expect("export: a shadowsocks link as others read it", plain.ok("export") == "ss://YWVzLTI1Ni1nY206cGFzcw@127.0.0.1:8388#four\n")
    expect("export: one", SECRET in r.ok("export", 2, "--format", "links"))
    # Xray knows no hysteria2 node in 26.2: it is named, the rest is written.
    code, out, err = r.xrat("export", "--format", "xray")
    outbounds = json.loads(out)["outbounds"]
    expect("export xray", len(outbounds) >= n - 1 and (code == 0) == (len(outbounds) == n), code, err)
    other = Root()
    got = other.json("import", "-", stdin=out)
    expect("export xray: import reads it", got["parsed"] == len(outbounds) and got["failed"] == 0, got)
    code, out, err = r.xrat("export", "--format", "xray", "--target", "v2ray-4.34")
    expect("export xray for v2ray: what it lacks is told", code == 1 and "left out" in err and SECRET not in err and UUID not in err, code, err)
    code, out, err = r.xrat("export", "--format", "sing-box")
    expect("export sing-box", len(json.loads(out)["outbounds"]) >= n - 3 and SECRET not in err, code, err)
    r.error(7, "export", 99)
    r.error(2, "export", "--format", "yaml")
    e = r.error(3, "export", "--output", f"{r.dir}/no/such/file")
    expect("export: cannot write", SECRET not in str(e), e)
    path = f"{r.dir}/wide.txt"
    with open(path, "w", encoding="utf-8"):
        os.chmod(path, 0o644)
    r.ok("export", "--output", path)
    expect("export: over a file that all can read", os.stat(path).st_mode & 0o777 == 0o600)
    os.mkfifo(f"{r.dir}/pipe")
    reader = subprocess.Popen(["cat", f"{r.dir}/pipe"], stdout=subprocess.PIPE)
    r.ok("export", 1, "--output", f"{r.dir}/pipe")
    stays = stat.S_ISFIFO(os.stat(f"{r.dir}/pipe").st_mode)
    if not stays:
        reader.kill()
    expect("export: into a pipe, which stays one", reader.communicate(timeout=30)[0].decode() == r.ok("export", 1) and stays)
    if os.geteuid() == 0:
        os.chown(f"{r.dir}/pipe", 65534, 65534)
        e = r.error(3, "export", "--output", f"{r.dir}/pipe")
        expect("export: not into somebody else's pipe", "Permission denied" in str(e), e)
    one = r.ok("export", 1)
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        put(f"{r.dir}/log", "before\n")
        with open(f"{r.dir}/log", "ab") as f:
            subprocess.run([XRAT, "--root", r.root, "export", "1", "--output", name], env=ENV, stdout=f, check=True)
        expect(f"export: {name} goes on where stdout is", (get(f"{r.dir}/log") or b"").decode() == "before\n" + one)
    os.unlink(f"{r.dir}/log")
    expect("export: no leftovers", not [f for f in os.listdir(r.dir) if f.startswith(".")], os.listdir(r.dir))
    expect("export: empty", Root().ok("export") == "")


PARTS = [lists, terminal, asks, status, show, change, export]
