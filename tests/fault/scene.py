"""Roots for the fault tests of the publisher, and what has to hold after every fault.

A scene is a prepared root, a command, and the two contents that a reader may see: what was live before and what is live
after. `reader` looks at live as an engine does; `leftovers` looks at everything else once a later apply has succeeded."""
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
XRAT = os.environ.get("XRAT", "build/xrat")
ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent"}
LIVE = ".state/live/config-client"
TIMEOUT = 30

TOML = """[[client.endpoints]]
hostname = "edge.example.com"
port = 443
user = "alice"
password = "change-me"
server_name = "edge.example.com"

[[client.redirects]]
domain = "{variant}.corp.example"
outbound_tag = "proxy-edge-example-com"
"""
SNIPPET = '{"rules": [{"type": "field", "domain": ["domain:ads.example"], "outboundTag": "direct"}]}\n'
VARIANTS = ("one", "two", "three", "four", "five")


def config(engine):
    """config.toml: with an engine whose checker answers at once (True, or the path of one), or with none to be found."""
    if engine:
        return f'[runtime]\nengine = "v2ray"\n\n[paths]\nv2ray = "{HERE + "/checker" if engine is True else engine}"\n'
    return '[runtime]\nengine = "xray"\n\n[paths]\nxray = "/nonexistent/xray"\n'


def put(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def get(path):
    with open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK)) as f:  # a FIFO counts as empty
        return f.read()


def desire(root, variant):
    put(f"{root}/xp2p-client.toml", TOML.format(variant=variant))


def shows(content, variant):
    """Whether this live file is the one of a variant."""
    return content is not None and f"domain:{variant}.corp.example".encode() in content


def make_root(root, engine=False, variant="one"):
    os.makedirs(f"{root}/config-client", mode=0o700)
    put(f"{root}/config.toml", config(engine))
    put(f"{root}/config-client/routing.rules.after-xp2p-system.json", SNIPPET)
    desire(root, variant)


def command(root, *words):
    return [XRAT, "--root", root, "--role", "client", *words]


def run(argv, **more):
    """Exit code (negative: a signal), stdout, stderr."""
    try:
        p = subprocess.run(argv, env=ENV, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False, **more)
    except subprocess.TimeoutExpired:
        return 999, "", "did not end"
    return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")


def must(root, *words):
    code, out, err = run(command(root, *words))
    if code:
        raise SystemExit(f"FAIL preparing: xrat {' '.join(words)} ended with {code}: {err or out}")


def reader(root):
    """What a reader of live sees: the bytes, or None when it cannot open it."""
    try:
        return get(f"{root}/{LIVE}/xray.json")
    except OSError:
        return None


def live_generation(root):
    try:
        return os.path.basename(os.readlink(f"{root}/{LIVE}"))
    except FileNotFoundError:
        return None


def generations(root):
    try:
        return {n for n in os.listdir(f"{root}/.state/generations/client") if not n.startswith(".")}
    except FileNotFoundError:
        return set()


class Scene:
    """words: the command under test. old, new: contents (old None: nothing was live). kept: the generations before it that
    were live once."""

    def __init__(self, name, root, words, never=()):
        self.name, self.root, self.words = name, root, words
        self.old, self.kept = reader(root), generations(root) - set(never)
        probe = root + ".probe"
        copy(root, probe)
        must(probe, *words)
        self.new = reader(probe)
        must(probe, "apply")
        self.desired = reader(probe)
        shutil.rmtree(probe)
        if self.new is None or self.new == self.old:
            raise SystemExit(f"FAIL preparing {name}: the command changes nothing")


def copy(source, target):
    shutil.copytree(source, target, symlinks=True)


def prepare(work, name, words, variants, engine, lkg=None):
    """A root in which all but the last of `variants` were applied in turn; the last one is desired."""
    root = f"{work}/{name}"
    make_root(root, engine, variants[0])
    for variant in variants[:-1]:
        desire(root, variant)
        must(root, "apply")
    desire(root, variants[-1])
    if words[0] == "rollback":
        must(root, "apply")
    if lkg:
        os.symlink(f"../generations/client/{sorted(generations(root))[lkg]}", f"{root}/.state/lkg/config-client")
    return Scene(name, root, words)


def unfinished(work, name, words, switched):
    """A root as a killed apply leaves it, before or behind the switch: recovery is what the command begins with."""
    root = f"{work}/{name}"
    make_root(root, False, "two")
    for variant in ("two", "three", "one"):
        desire(root, variant)
        must(root, "apply")
    lines = get(f"{root}/audit.log").splitlines(keepends=True)
    with open(f"{root}/audit.log", "wb") as f:
        f.writelines(lines[:-1])
    number = live_generation(root)
    if not switched:
        os.unlink(f"{root}/{LIVE}")
        os.symlink("../generations/client/0002", f"{root}/{LIVE}")
        os.symlink(f"../generations/client/{number}", f"{root}/.state/live/.config-client.new")
        os.mkdir(f"{root}/.state/generations/client/.new-0007", 0o700)
        put(f"{root}/.state/generations/client/.new-0007/xray.json", "{")
    return Scene(name, root, words, () if switched else (number,))


def scenes(work):
    """first: into an empty tree. apply: over a live one. checked: the same with an engine's checker. prune: so many were
    kept that one goes. rollback: to the generation before. lkg: to the last known good. resume: apply after one that was
    killed before the switch. resumeback: rollback after an apply that was killed behind it."""
    many = [VARIANTS[i % 4] for i in range(8)]
    return [
        prepare(work, "first", ["apply"], ["two"], False),
        prepare(work, "apply", ["apply"], ["two", "one"], False),
        prepare(work, "checked", ["apply"], ["two", "one"], True),
        prepare(work, "prune", ["apply"], many, False),
        prepare(work, "rollback", ["rollback"], ["two", "one"], False),
        prepare(work, "lkg", ["rollback"], ["two", "one", "three"], False, lkg=0),
        unfinished(work, "resume", ["apply"], False),
        unfinished(work, "resumeback", ["rollback"], True),
    ]


# --- what has to hold ---

def promise(scene, root):
    """A list of complaints about what a reader sees; and 'old', 'new' or 'absent'."""
    seen = reader(root)
    if seen is None:
        return (["live is gone"] if scene.old is not None else []), "absent"
    if seen == scene.new:
        return meta_faults(root), "new"
    if seen == scene.old:
        return meta_faults(root), "old"
    return [f"live is torn: {len(seen)} bytes"], "torn"


def meta_faults(root):
    """The live generation is whole: its meta.json names the digest of its bytes, map.json is JSON."""
    base = f"{root}/{LIVE}"
    try:
        meta = json.loads(get(f"{base}/meta.json"))
        json.loads(get(f"{base}/map.json"))
    except (OSError, ValueError) as fault:
        return [f"live's meta.json or map.json: {fault}"]
    digest = hashlib.sha256(get(f"{base}/xray.json")).hexdigest()
    stated = str(meta.get("rendered_digest", ""))
    return [] if stated.endswith(digest) else [f"meta.json says {stated}, the file is {digest}"]


STATE_NAMES = re.compile(r"^(live|lkg|generations|locks|status-(client|server)\.json|memory-(client|server)\.json|"
                         r"apply\.(request|error)(\.corrupt)?|memory-(client|server)\.json\.corrupt)$")
PLACES = {
    "": STATE_NAMES,
    "live": re.compile(r"^config-(client|server)$"),
    "lkg": re.compile(r"^config-(client|server)$"),
    "generations": re.compile(r"^(client|server)$"),
    "generations/client": re.compile(r"^\d{4,}$"),
    "generations/server": re.compile(r"^\d{4,}$"),
    "locks": re.compile(r"^(client|server|service|apply-request)\.lock$"),
}
GENERATION = re.compile(r"^(xray|meta|map)\.json$")
ROOT_NAMES = re.compile(r"^(config\.toml|xp2p-client\.toml|config-client|\.state|audit\.log(\.\d)?|logs)$")


def tree_faults(root):
    """Names that have no business there, and modes wider than allowed."""
    faults = [f"left behind: {n}" for n in os.listdir(root) if not ROOT_NAMES.match(n)]
    top = f"{root}/.state"
    for base, dirs, files in os.walk(top):
        place = os.path.relpath(base, top)
        allowed = PLACES.get("" if place == "." else place, GENERATION)
        for name in dirs + files:
            st = os.lstat(f"{base}/{name}")
            if not allowed.match(name):
                faults.append(f"left behind: .state/{place}/{name}")
            want = 0o700 if stat.S_ISDIR(st.st_mode) else 0o600
            if not stat.S_ISLNK(st.st_mode) and stat.S_IMODE(st.st_mode) != want:
                faults.append(f"mode {stat.S_IMODE(st.st_mode):o}: .state/{place}/{name}")
    for name in ("audit.log",):
        if os.path.exists(f"{root}/{name}") and stat.S_IMODE(os.lstat(f"{root}/{name}").st_mode) != 0o600:
            faults.append(f"mode: {name}")
    if stat.S_IMODE(os.lstat(top).st_mode) != 0o700:
        faults.append("mode: .state")
    return faults


def audit_faults(root, torn_allowed=False):
    """Every begin has its end. A power cut may tear one line; what follows must begin on a line of its own."""
    waiting, faults, torn = [], [], 0
    try:
        lines = get(f"{root}/audit.log").split(b"\n")
    except FileNotFoundError:
        return ["no audit.log"]
    if lines.pop():
        torn += 1
    for raw in filter(None, lines):
        try:
            line = json.loads(raw)
        except ValueError:
            torn += 1
            continue
        key = (line.get("role"), line.get("generation"))
        if line.get("phase") == "begin":
            faults += [f"audit.log: a second begin: {key}"] if key in waiting else []
            waiting.append(key)
        elif line.get("phase") == "end":
            if key in waiting:
                waiting.remove(key)
            elif not torn:
                faults.append(f"audit.log: an end without a begin: {key}")
    if torn > (1 if torn_allowed else 0):
        faults.append(f"audit.log: {torn} lines are no JSON")
    return faults + [f"audit.log: begin without end: {key}" for key in waiting]


def next_apply(scene, root, torn_allowed=False):
    """After a fault the next apply has to succeed, make what is desired live and leave nothing behind."""
    known = scene.kept | {live_generation(root)}
    code, out, err = run(command(root, "apply"))
    if code:
        return [f"the next apply ended with {code}: {err or out}"]
    faults = []
    if reader(root) != scene.desired:
        faults.append("the next apply said 0, but live is not what is desired")
    faults += [f"a generation that was never live: {g}" for g in sorted(generations(root) - known - {live_generation(root)})]
    return faults + meta_faults(root) + tree_faults(root) + audit_faults(root, torn_allowed)
