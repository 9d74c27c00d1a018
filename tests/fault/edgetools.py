"""Tools of applyedge.py: roots, helpers that hold locks, mounts of their own, directories that must not be touched."""
import contextlib
import fcntl
import multiprocessing
import os
import shlex
import shutil
import stat
import subprocess
import time

import scene

BUSY, SYSTEM, CONFIG = 4, 3, 1


def live_root(work, name, engine=False, variants=("two", "one")):
    """A root in which these were applied in turn."""
    root = f"{work}/{name}"
    scene.make_root(root, engine, variants[0])
    for variant in variants:
        scene.desire(root, variant)
        scene.must(root, "apply")
    return root


def own_checker(work):
    """A checker of this case's own, whose NAME.how it can write."""
    os.symlink(f"{scene.HERE}/checker", f"{work}/checker")
    return f"{work}/checker"


def until(condition, seconds=20):
    """Polls; whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def start(root, *words):
    return subprocess.Popen(scene.command(root, *words), env=scene.ENV, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_env(argv, user=None, group=None, extra_groups=None, **env):
    p = subprocess.run(argv, env={**scene.ENV, **env}, stdin=subprocess.DEVNULL, capture_output=True, timeout=scene.TIMEOUT,
                       check=False, text=True, user=user, group=group, extra_groups=extra_groups)
    return p.returncode, p.stdout, p.stderr


def watch_tree(root):
    """Everything about a tree but access times and the locks, whose holders write their pid."""
    seen = {}
    for base, dirs, files in os.walk(root):
        for name in dirs + files:
            path = f"{base}/{name}"
            st = os.lstat(path)
            if path.endswith(".lock"):
                continue
            what = os.readlink(path) if stat.S_ISLNK(st.st_mode) else scene.get(path) if stat.S_ISREG(st.st_mode) else None
            seen[os.path.relpath(path, root)] = (st.st_mode, st.st_ino, st.st_mtime_ns, what)
    return seen


def says(got, code, *words):
    """Complaints when a command did not end with this code and a message with these words."""
    faults = [] if got[0] == code else [f"ended with {got[0]}, not {code}"]
    faults += [f"does not say '{w}'" for w in words if w.lower() not in got[2].lower()]
    return [f"{f}: {(got[2] or got[1])[:300]!r}" for f in faults]


def settled(root, variant=None):
    """The next apply works, what is desired is live, nothing is left behind; a second one changes nothing."""
    if variant:
        scene.desire(root, variant)
    faults = says(scene.run(scene.command(root, "apply")), 0)
    before = watch_tree(root)
    again = scene.run(scene.command(root, "apply"))
    faults += says(again, 0) + ([] if "unchanged" in again[1] else [f"the second apply said {again[1]!r}"])
    faults += [] if watch_tree(root) == before else ["an unchanged apply changed something"]
    if variant and not scene.shows(scene.reader(root), variant):
        faults.append(f"live is not the one with variant {variant}")
    return faults + scene.meta_faults(root) + scene.tree_faults(root) + scene.audit_faults(root)


# --- locks ---

def holding(path, ready):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.truncate(fd, 0)
    os.write(fd, f"{os.getpid()}\n".encode())
    ready.set()
    while True:
        time.sleep(60)


@contextlib.contextmanager
def hold(path):
    """A process that holds a lock as xrat does; gives its pid."""
    ready = multiprocessing.Event()
    with Watched(multiprocessing.Process(target=holding, args=(path, ready))) as p:
        ready.wait(20)
        yield p.pid


class Watched:
    """A helper process that ends with the block."""

    def __init__(self, process):
        self.process = process

    def __enter__(self):
        self.process.start()
        return self.process

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()


# --- mounts ---

class Ended:
    def __init__(self, root, code, err):
        self.root, self.code, self.err = root, code, err


CANNOT = 77
SCRIPT = """
disk={disk} out={out}
mount -t tmpfs -o size={size},nr_inodes={inodes},mode=700 none "$disk" || exit {cannot}
cp -a {root}/. "$disk" || exit {cannot}
n=0
run() {{
	{xrat} --root "$disk" --role client "$@" >/dev/null 2>"$out/err$n"
	echo $? >"$out/code$n"
	cp -a "$disk" "$out/tree$n"
	n=$((n + 1))
}}
{body}
exit 0
"""


def in_mount(work, root, body, size="1m", inodes=150):
    """Runs body in a shell with a tmpfs of its own that holds a copy of root; `run WORD...` in it runs xrat. What each
    left: a list of Ended. None: nothing can be mounted here."""
    disk, out = f"{root}.disk", f"{root}.out"
    os.makedirs(disk)
    os.makedirs(out)
    script = SCRIPT.format(disk=shlex.quote(disk), out=shlex.quote(out), size=size, inodes=inodes, cannot=CANNOT, root=shlex.quote(root),
                           xrat=shlex.quote(scene.XRAT), body=body)
    how = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    try:
        p = subprocess.run([*how, "sh", "-c", script], env=scene.ENV, capture_output=True, timeout=60, check=False, cwd=work)
    except FileNotFoundError:
        return None
    if p.returncode == CANNOT or b"unshare: " in p.stderr:
        return None
    return [Ended(f"{out}/tree{i}", int(scene.get(f"{out}/code{i}")), scene.get(f"{out}/err{i}").decode())
            for i in range(len([n for n in os.listdir(out) if n.startswith("code")]))]


def fill_script(kind, free):
    """Leaves so many pages or inodes free, applies, makes room and applies again."""
    if kind == "pages":
        fill = f'dd if=/dev/zero of="$disk/config-client/filler" bs=4096 2>/dev/null; truncate -s -{free * 4096} "$disk/config-client/filler"'
    else:
        fill = (f'mkdir "$disk/config-client/filler"; i=0; while touch "$disk/config-client/filler/$i"; do i=$((i + 1)); done 2>/dev/null; '
                f'while [ $((i -= 1)) -ge 0 ] && [ $((k += 1)) -le {free} ]; do rm "$disk/config-client/filler/$i"; done')
    return f'k=0; {fill}; run apply; rm -r "$disk/config-client/filler"; run apply'


# --- what must not be touched ---

class Outside:
    def __init__(self, path, kind):
        self.path, self.kind, self.seen = path, kind, None

    def state(self):
        if not os.path.lexists(self.path):
            return None
        if os.path.isfile(self.path):
            return scene.get(self.path), os.lstat(self.path).st_mode
        return {k: (v[0], v[3]) for k, v in watch_tree(self.path).items()}, os.lstat(self.path).st_mode

    def look(self):
        self.seen = self.state()

    def changed(self):
        return [] if self.state() == self.seen else ["what the link leads to was touched"]

    def leads(self, path):
        return os.path.islink(path) and os.readlink(path) == self.path

    def remove(self):
        if os.path.isdir(self.path):
            shutil.rmtree(self.path)
        elif os.path.lexists(self.path):
            os.unlink(self.path)


def outside_of(work, kind):
    """A directory that looks like a generation, a file, or a name that is not there."""
    outside = Outside(f"{work}/outside", kind)
    outside.remove()
    if kind == "directory":
        os.mkdir(outside.path, 0o755)
        for name in ("xray.json", "meta.json", "client", "config-client"):
            scene.put(f"{outside.path}/{name}", '{"outside": true}\n')
    elif kind == "file":
        scene.put(outside.path, '{"outside": true}\n')
        os.chmod(outside.path, 0o644)
    return outside
