#!/usr/bin/env python3
"""Eight distinct secrets, each planted in another place, and a service that runs, fails and is asked: none of them stands in
audit.log, on stderr, in the answers of the commands, in a file that others may read, or in the bundle."""
import base64
import glob
import io
import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
import zipfile

import bed
from bed import Bed, Tally, until

tally = Tally("secrets")
expect = tally.expect
PLACES = ("toml", "env", "file", "snippet", "link", "log", "error", "broken")
CANARIES = {place: f'canary/{place} "{n}"+q\\z' for n, place in enumerate(PLACES, 1)}
CANARIES["link"] = "canary-link-5~x"
CANARIES["log"] = "canary-log-6~y"


def forms(secret):
    raw = secret.encode()
    yield raw
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(secret)[1:-1].replace("/", "\\/").encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield urllib.parse.quote_plus(secret).encode()
    for skip in range(3):
        text = base64.b64encode(b"." * skip + raw)
        cut = text[(4 if skip else 0):].rstrip(b"=")[:-1]
        yield cut
        yield cut.replace(b"+", b"-").replace(b"/", b"_")


def clean(what, data):
    for place, secret in CANARIES.items():
        for form in forms(secret):
            tally.searched += 1
            if len(form) >= 6 and form in data:
                expect(f"{what}: the secret of {place} is not there", False, form, data[max(0, data.find(form) - 80):][:200])


def toml(name):
    return json.dumps(CANARIES[name])


def write_root(b):
    b.toml(more="\n".join((
        "[[client.endpoints]]", 'tag = "proxy-a"', 'hostname = "192.0.2.1"', "port = 443", f"password = {toml('toml')}", 'user = "a"',
        "[[client.endpoints]]", 'tag = "proxy-b"', 'hostname = "192.0.2.2"', "port = 443", 'password = { env = "XRAT_CANARY" }',
        "[[client.endpoints]]", 'tag = "proxy-c"', 'hostname = "192.0.2.3"', "port = 443", 'password = { file = "secret.txt" }',
        "[[client.endpoints]]", 'tag = "proxy-d"', f'link = "trojan://{CANARIES["link"]}@192.0.2.4:443#d"', "")))
    bed.put(f"{b.root}/secret.txt", CANARIES["file"] + "\n")


def snippet(b, *behaviours):
    doc = json.loads(bed.outbounds(*behaviours))
    doc["outbounds"].append({"tag": "up", "protocol": "socks", "settings": {"servers": [
        {"address": "127.0.0.1", "port": 1, "users": [{"user": "u", "pass": CANARIES["snippet"]}]}]}})
    bed.put(f"{b.root}/config-client/outbounds.append.json", json.dumps(doc))


def look_everywhere(b, answers):
    clean("stderr of the service", open(b.log, "rb").read())
    clean("audit.log", open(f"{b.root}/audit.log", "rb").read())
    for what, out in answers:
        clean(what, out.encode())
    wide = 0
    for path in glob.glob(f"{b.root}/**", recursive=True, include_hidden=True) if sys.version_info >= (3, 11) else \
            [os.path.join(d, f) for d, _, files in os.walk(b.root) for f in files]:
        if os.path.isfile(path) and os.stat(path).st_mode & 0o077 and not path.endswith((".toml", "secret.txt", "append.json")):
            wide += 1
            clean(path, open(path, "rb").read())
    for name in ("apply.error", "status-client.json", "memory-client.json", "apply.request"):
        data = bed.get(f"{b.root}/.state/{name}")
        if data:
            clean(name, data)
    bundle = b.xrat("debug", "bundle", "--output", f"{b.root}/../b.zip", timeout=120)
    expect("bundle: written", bundle[0] == 0, *bundle)
    data = open(f"{b.root}/../b.zip", "rb").read()
    clean("the archive", data)
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        for name in z.namelist():
            clean(f"bundle: {name}", z.read(name))
    return wide


def main(path):
    tally.searched = 0
    bed.ENV["XRAT_CANARY"] = CANARIES["env"]
    b = Bed(path)
    write_root(b)
    snippet(b)
    b.start()
    expect("generation 1", b.proved(1), b.stderr())
    live = b.live_bytes()
    for place in ("toml", "env", "file", "snippet", "link"):
        expect(f"control: the engine's own file has the secret of {place}", any(form in live for form in forms(CANARIES[place])))
    answers = [(" ".join(words), "".join(map(str, b.xrat(*words)[1:]))) for words in (("apply", "--wait=20"), ("status",), ("history",))]
    log = f"cannot dial trojan://{CANARIES['log']}@192.0.2.9:443?sni=x and {CANARIES['snippet']} {CANARIES['env']}"
    snippet(b, f"say {log}", "exit 3")
    expect("a bad engine is rolled back", until(20, lambda: b.error().get("kind") == "engine_died" and b.link() == 1), b.stderr())
    answers += [("status", "".join(map(str, b.xrat("status")[1:]))), ("status json", b.xrat("--format", "json", "status")[1])]
    expect("control: the engine said it", CANARIES["log"] in "".join(open(p, encoding="utf-8").read()
                                                                     for p in glob.glob(f"{b.root}/logs/*.log")))
    look_everywhere(b, answers)
    snippet(b)
    with open(f"{b.root}/xp2p-client.toml", "a", encoding="utf-8") as f:
        f.write(f"[[client.endpoints]]\ntag = \"proxy-e\"\npassword = {toml('error')}\nprotocol = \"nothing\"\n")
    until(20, lambda: b.error().get("kind") == "configuration")
    answers.append(("apply", "".join(map(str, b.xrat("apply", "--wait=20")[1:]))))
    look_everywhere(b, answers)
    with open(f"{b.root}/xp2p-client.toml", "a", encoding="utf-8") as f:
        f.write(f"password = {toml('broken')} oops = = [\n")
    until(10, lambda: b"XR101" in bed.get(f"{b.root}/.state/apply.error"))
    answers.append(("apply", "".join(map(str, b.xrat("apply", "--wait=20")[1:]))))
    answers.append(("check", "".join(map(str, b.xrat("check")[1:]))))
    look_everywhere(b, answers)
    code = b.stop()
    left = b.end()
    expect("it ends with 0 and nothing is left", code == 0 and not left, code, left)
    expect("everything was searched", tally.searched > 5000, tally.searched)
    print(f"secrets planted: {len(CANARIES)}, searches: {tally.searched}")


with tempfile.TemporaryDirectory(prefix="xrat-secrets.") as directory:
    main(directory)
sys.exit(tally.finish())
