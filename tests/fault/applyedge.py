"""applyedge.py WORKDIR CLOCK_LIBRARY: apply and rollback where things are not as they should be: somebody else at work,
no space, no permission, a wrong clock, inputs that do not stand still; planted links, odd names and damaged files are in
edgedamage.py."""
import contextlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys

import calls
import edgedamage
import pool
import scene
from edgetools import (BUSY, CANNOT, CONFIG, SYSTEM, Watched, fill_script, hold, in_mount, live_root, own_checker, run_env, says,
                       settled, start, until, watch_tree)

# --- others at work ---

def strangers_pid(work):
    """A temporary whose writer was killed goes, although its pid (that of init) is alive again."""
    root = live_root(work, "stranger")
    for name in (".xrat-1-0.tmp", f".xrat-{os.getpid()}-3.tmp"):
        scene.put(f"{root}/.state/{name}", "half a fi")
        os.chmod(f"{root}/.state/{name}", 0o600)
    return settled(root, "three")


def two_at_once(work):
    """Eight at a time: one publishes, the others find nothing to do."""
    root, faults = live_root(work, "together"), []
    for turn in range(10):
        scene.desire(root, scene.VARIANTS[2 + turn % 2])
        running = [start(root, "apply") for _ in range(8)]
        ends = [(p.communicate(timeout=60), p.returncode) for p in running]
        words = sorted(out.split()[1].strip(",") if code == 0 else f"exit {code}: {err}" for (out, err), code in ends)
        if words != ["published"] + ["unchanged"] * 7:
            faults.append(f"turn {turn}: {words}")
    return faults + settled(root)


def lock_held(work):
    """Somebody holds the role's lock past the deadline."""
    root, faults = live_root(work, "held"), []
    scene.desire(root, "three")
    before = scene.reader(root)
    with hold(f"{root}/.state/locks/client.lock") as pid:
        running = [start(root, "apply"), start(root, "rollback")]
        for p in running:
            out, err = p.communicate(timeout=60)
            faults += says((p.returncode, out, err), BUSY, str(pid))
    faults += [] if scene.reader(root) == before else ["live changed"]
    return faults + settled(root, "four")


def killed_holder(work):
    """An apply is killed while it holds the lock and its checker still runs: before, the others wait and name it; after,
    the lock is free although the checker lives on."""
    checker = own_checker(work)
    root = live_root(work, "killed", engine=checker)
    scene.desire(root, "three")
    os.mkfifo(f"{checker}.fifo")
    scene.put(f"{checker}.how", "hold\n")
    holder = start(root, "apply")
    faults = [] if until(lambda: os.path.exists(f"{checker}.held")) else ["the checker did not start"]
    waiting = start(root, "apply")
    out, err = waiting.communicate(timeout=60)
    faults += says((waiting.returncode, out, err), BUSY, str(holder.pid))
    holder.kill()
    holder.communicate()
    os.unlink(f"{checker}.how")
    faults += says(scene.run(scene.command(root, "apply")), 0)
    release = os.open(f"{checker}.fifo", os.O_RDWR)
    os.write(release, b"go\n")
    os.close(release)
    return faults + settled(root, "four")


def service_there(work):
    """A service holds the root: apply asks it, with and without waiting, and publishes nothing itself."""
    root = live_root(work, "service")
    scene.desire(root, "three")
    before = scene.reader(root)
    with hold(f"{root}/.state/locks/service.lock"):
        faults = says(scene.run(scene.command(root, "apply", "--wait", "1")), BUSY)
    faults += [] if scene.reader(root) == before else ["live changed"]
    if not os.path.exists(f"{root}/.state/apply.request"):
        return faults + ["no request was left"]
    faults += scene.tree_faults(root) + settled(root, "four")
    return faults + (["the request is still there"] if os.path.exists(f"{root}/.state/apply.request") else [])


# --- no space, no permission ---

def full_disk(work):
    """A real file system with k free pages or k free inodes, for every k until an apply fits; then it is made room."""
    faults, refused, done = [], 0, 0
    for kind in ("pages", "inodes"):
        for free in range(0, 24):
            root = f"{work}/{kind}{free}"
            scene.make_root(root, variant="two")
            scene.must(root, "apply")
            before = scene.reader(root)
            scene.desire(root, "one")
            got = in_mount(work, root, fill_script(kind, free))
            if got is None:
                return None
            full, later = got
            seen = scene.reader(full.root)
            if full.code == 0:
                done += 1
                faults += [] if seen != before else [f"{kind} {free}: exit 0 but old"]
            else:
                refused += 1
                faults += [f"{kind} {free}: {f}" for f in says((full.code, "", full.err), SYSTEM, "no space left")]
            faults += [f"{kind} {free}: torn"] if not (seen == before or seen == scene.reader(later.root)) else []
            faults += [f"{kind} {free}: with room again: {f}" for f in says((later.code, "", later.err), 0)]
            faults += [f"{kind} {free}: {f}" for f in scene.tree_faults(later.root) + scene.audit_faults(later.root, True)]
    print(f"full disk: {refused} sizes refused, {done} fitted")
    return faults + ([] if refused and done else [f"{refused} refused, {done} fitted: the sizes tell nothing"])


def read_only(work):
    """A root on a file system that is mounted read-only: no apply, but everything that only looks works."""
    root = live_root(work, "readonly", variants=("two",))
    before = scene.reader(root)
    scene.desire(root, "one")
    script = f'mount -o remount,bind,ro "$disk" || exit {CANNOT}; run apply; run history; run apply --dry-run; run check; run render xray --live; '
    got = in_mount(work, root, script + f'mount -o remount,bind,rw "$disk" || exit {CANNOT}; run apply; run rollback')
    if got is None:
        return None
    faults = says((got[0].code, "", got[0].err), SYSTEM, "read-only")
    faults += [] if scene.reader(got[0].root) == before else ["live changed"]
    for one, name in zip(got[1:], ("history", "apply --dry-run", "check", "render --live", "the next apply", "rollback")):
        faults += [f"{name}: {f}" for f in says((one.code, "", one.err), 0)]
    return faults


def unwritable(work):
    """.state, and each directory in it, lets nobody write: as root by giving it away and asking as another user."""
    program, faults, other = f"{work}/xrat", [], {}
    shutil.copy(scene.XRAT, program)
    if not os.geteuid():
        other = {"user": 65534, "group": 65534, "extra_groups": []}
    for place in (".state", ".state/live", ".state/generations/client", ".state/locks"):
        root = live_root(work, "unwritable" + place.replace("/", "-"))
        scene.desire(root, "three")
        before = scene.reader(root)
        forbid(root, f"{root}/{place}", bool(other))
        got = run_env([program, *scene.command(root, "apply")[1:]], **other)
        if got[0] or other:  # the owner's own apply needs nothing from .state itself
            faults += [f"{place}: {f}" for f in says(got, SYSTEM, "permi")]  # permission denied, operation not permitted
        faults += [] if (scene.reader(root) == before) == (got[0] != 0) else [f"{place}: exit {got[0]} is not true"]
        if other:
            subprocess.run(["chown", "-R", "0:0", root], check=True)
        for name in ("", *os.listdir(f"{root}/{place}")):
            if not os.path.islink(f"{root}/{place}/{name}"):
                os.chmod(f"{root}/{place}/{name}", 0o600 if os.path.isfile(f"{root}/{place}/{name}") else 0o700)
        faults += [f"{place}: {f}" for f in settled(root, "four")]
    return faults


def forbid(root, place, give_away):
    """No writing in this directory, nor into the files that stand in it."""
    if give_away:
        subprocess.run(["chown", "-R", "65534:65534", root], check=True)
        os.chown(place, 0, 0)
    for name in os.listdir(place):
        if os.path.isfile(f"{place}/{name}"):
            os.chmod(f"{place}/{name}", 0o400)
            os.chown(f"{place}/{name}", *((0, 0) if give_away else (-1, -1)))
    os.chmod(place, 0o555)


# --- time ---

def clock_jumps(work):
    """The wall clock goes ten years forward and twenty back: order is by number, and nothing else changes."""
    root, library = live_root(work, "clock"), sys.argv[2]
    faults, seen = [], [scene.reader(root)]
    for years, variant in ((10, "three"), (-10, "four"), (0, "five"), (-30, "two")):
        scene.desire(root, variant)
        got = run_env(scene.command(root, "apply"), LD_PRELOAD=library, CLOCK_SHIFT=str(years * 31556952))
        faults += says(got, 0) + ([] if "published" in got[1] else [f"{years} years: {got[1]!r}"])
        seen.append(scene.reader(root))
    numbers = sorted(scene.generations(root))
    years = [json.loads(scene.get(f"{root}/.state/generations/client/{n}/meta.json"))["time"][:4] for n in numbers]
    faults += [] if years != sorted(years) else ["the clock did not jump"]
    got = run_env(scene.command(root, "rollback"), LD_PRELOAD=library, CLOCK_SHIFT="-99999999")
    faults += says(got, 0) + ([] if scene.reader(root) == seen[-2] else ["rollback did not go to the generation before"])
    return faults + settled(root, "three")


def old_files(work):
    """Times of files, forward and back, say nothing: neither that something changed nor that it did not."""
    root, faults = live_root(work, "times"), []
    for moment in (0, 1, 4102444800, 253402300799):
        for base, dirs, files in os.walk(root):
            for name in dirs + files:
                os.utime(f"{base}/{name}", (moment, moment), follow_symlinks=False)
        got = scene.run(scene.command(root, "apply"))
        faults += says(got, 0) + ([] if "unchanged" in got[1] else [f"at {moment}: {got[1]!r}"])
    for variant, moment in (("four", 0), ("one", 4102444800), ("four", 0)):  # equally long
        scene.desire(root, variant)
        os.utime(f"{root}/xp2p-client.toml", (moment, moment))
        got = scene.run(scene.command(root, "apply"))
        faults += says(got, 0) + ([] if "published" in got[1] else [f"edited at {moment}: {got[1]!r}"])
    return faults + settled(root)


# --- inputs ---

# Every read takes 2 ms longer, so that something does move meanwhile, however busy the machine is.
SLOWLY = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=read", "-e", "inject=read:delay_enter=2000"]

def moving_inputs(work):
    """Inputs that are rewritten all the time: the command says so and ends, or got a moment; never a mixture."""
    root = live_root(work, "moving")
    whole = {scene.reader(root)}
    for variant in ("three", "four"):
        scene.desire(root, variant)
        scene.must(root, "apply")
        whole.add(scene.reader(root))
    faults, stale = [], 0
    with Watched(multiprocessing.Process(target=rewrite, args=(root,))):
        for turn in range(8):
            slowly = SLOWLY * (turn % 2 and calls.can_trace())
            got = scene.run([*slowly, *scene.command(root, "apply")])
            stale += got[0] == BUSY
            faults += says(got, BUSY, "kept changing") if got[0] else []
            faults += [] if scene.reader(root) in whole else ["live is a mixture"]
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{root}/next")
    return faults + (["it never noticed that the inputs move"] if slowly and not stale else []) + settled(root, "one")


def rewrite(root):
    while True:
        for variant in ("three", "four"):
            scene.put(f"{root}/next", scene.TOML.format(variant=variant))
            os.rename(f"{root}/next", f"{root}/xp2p-client.toml")


def broken_input(work):
    """A broken edit changes nothing, before the first apply and after."""
    root, faults = f"{work}/broken", []
    scene.make_root(root)
    scene.put(f"{root}/xp2p-client.toml", "[client\n")
    faults += says(scene.run(scene.command(root, "apply")), CONFIG, "error[")
    faults += ["something is live"] if scene.reader(root) is not None or scene.generations(root) else []
    faults += settled(root, "two")
    before = scene.reader(root)
    scene.put(f"{root}/xp2p-client.toml", "[client\n")
    faults += says(scene.run(scene.command(root, "apply")), CONFIG, "error[")
    faults += [] if scene.reader(root) == before else ["live changed"]
    return faults + settled(root, "four")


def bad_checker(work):
    """The engine's checker refuses, is killed, or cannot be started."""
    checker = own_checker(work)
    root, faults = live_root(work, "refused", engine=checker), []
    before, kept = scene.reader(root), scene.generations(root)
    scene.desire(root, "three")
    for how in ("refuse", "die"):
        scene.put(f"{checker}.how", how + "\n")
        faults += says(scene.run(scene.command(root, "apply")), CONFIG, "XR701")
        faults += [] if scene.reader(root) == before and scene.generations(root) == kept else [f"{how}: something changed"]
        faults += scene.tree_faults(root)
    os.unlink(f"{checker}.how")
    scene.put(f"{work}/noprogram", "no program\n")
    os.chmod(f"{work}/noprogram", 0o755)
    config = scene.get(f"{root}/config.toml").decode()
    scene.put(f"{root}/config.toml", config.replace(checker, f"{work}/noprogram"))
    got = scene.run(scene.command(root, "apply"))
    faults += [] if got[0] in (CONFIG, SYSTEM) and got[2] and scene.reader(root) == before else [f"no program: {got}"]
    scene.put(f"{root}/config.toml", config)
    return faults + settled(root, "four")


def dry_run(work):
    """A dry run leaves no trace, also where there is nothing yet."""
    root, faults = f"{work}/dry", []
    scene.make_root(root)
    for variant in ("two", "four"):
        scene.desire(root, variant)
        before = watch_tree(root)
        faults += says(scene.run(scene.command(root, "apply", "--dry-run")), 0)
        faults += [] if watch_tree(root) == before else ["a dry run left a trace"]
        scene.must(root, "apply")
    return faults


# --- the log ---

def big_audit(work):
    """audit.log is rotated at 1 MiB, 5 are kept, and a torn last line does not swallow the next one."""
    root, faults = live_root(work, "audit"), []
    for turn in range(8):
        with open(f"{root}/audit.log", "ab") as f:
            f.write(b'{"action":"x"}\n' * 75000)
        scene.desire(root, scene.VARIANTS[turn % 2])
        scene.must(root, "apply")
    logs = sorted(n for n in os.listdir(root) if n.startswith("audit.log"))
    faults += [] if len(logs) == 6 else [f"kept: {logs}"]
    faults += [f"{n} has mode {os.stat(f'{root}/{n}').st_mode & 0o777:o}" for n in logs if os.stat(f"{root}/{n}").st_mode & 0o077]
    with open(f"{root}/audit.log", "ab") as f:
        f.write(b'{"time":"2026')
    scene.desire(root, "four")
    scene.must(root, "apply")
    return faults + scene.audit_faults(root, torn_allowed=True)


CASES = (lock_held, killed_holder, strangers_pid, two_at_once, service_there, full_disk, read_only, unwritable, clock_jumps, old_files,
         moving_inputs, broken_input, bad_checker, dry_run, big_audit, *edgedamage.CASES)


def one(job):
    function, work = job
    place = f"{work}/{function.__name__}"
    os.mkdir(place)
    os.chmod(place, 0o755)
    return function(place)


def main(work):
    score = pool.Score()
    # Another user has to get at the roots of one case.
    for path in (work, os.path.dirname(work)):
        os.chmod(path, 0o755)
    for function, faults in zip(CASES, pool.each(one, [(f, work) for f in CASES], chunk=1)):
        name = function.__name__.replace("_", " ")
        if faults is None:
            score.skip(f"{name}: not possible here (needs root, or mounts in a namespace of its own)")
        else:
            score.add([f"{name}: {f}" for f in faults])
    print(f"{len(CASES)} cases, {edgedamage.counts()}")
    score.finish()


if __name__ == "__main__":
    main(sys.argv[1])
