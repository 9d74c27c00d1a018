"""failcalls.py WORKDIR: lets every system call of apply and rollback that can fail do so once, with every error that is
legal for it. Exit 0 means that the new file is live; anything else says why in one line and leaves a complete file live.
An fsync or rename that fails before the switch is durable fails the command; what comes behind it (the end line of
audit.log, the removal of old generations) may be left to the next one, with a word on stderr when it is the audit.
After an fsync error the same descriptor is never synced again. Then the next apply succeeds and sweeps."""
import collections
import errno
import os
import re
import shutil
import sys

import calls
import pool
import scene

NAMES = ("EIO", "EACCES")
CHANGES = ("ENOSPC", "EIO", "EROFS", "EACCES")
ERRORS = {
    "open": (*CHANGES, "EINTR", "EMFILE"), "openat": (*CHANGES, "EINTR", "EMFILE"), "openat2": ("EIO", "EACCES", "EINTR", "EMFILE"),
    "mkdir": CHANGES, "mkdirat": CHANGES, "rename": CHANGES, "renameat": CHANGES, "renameat2": CHANGES,
    "symlink": CHANGES, "symlinkat": CHANGES, "link": CHANGES, "linkat": CHANGES,
    "unlink": ("EIO", "EROFS", "EACCES"), "unlinkat": ("EIO", "EROFS", "EACCES"), "rmdir": ("EIO", "EROFS", "EACCES"),
    "write": ("ENOSPC", "EIO", "EINTR"), "pwrite64": ("ENOSPC", "EIO", "EINTR"), "writev": ("ENOSPC", "EIO", "EINTR"),
    "fsync": ("ENOSPC", "EIO", "EINTR", "EROFS"), "fdatasync": ("ENOSPC", "EIO", "EINTR", "EROFS"),
    "close": ("ENOSPC", "EIO", "EINTR"), "ftruncate": ("EIO", "EINTR", "EROFS"), "flock": ("EINTR", "ENOLCK"),
    "fchmod": ("EIO", "EROFS", "EACCES"), "fchmodat": ("EIO", "EROFS", "EACCES"), "chmod": ("EIO", "EROFS", "EACCES"),
    "read": ("EIO", "EINTR"), "pread64": ("EIO", "EINTR"), "getdents64": ("EIO",), "lseek": ("EIO",),
    "newfstatat": NAMES, "fstat": ("EIO",), "stat": NAMES, "lstat": NAMES, "statx": NAMES, "readlink": NAMES, "readlinkat": NAMES,
    "access": NAMES, "faccessat": NAMES, "faccessat2": NAMES, "getrandom": ("EINTR",), "fcntl": ("EINTR",),
    "pipe2": ("EMFILE",), "clone": ("EAGAIN",), "clone3": ("EAGAIN",), "vfork": ("EAGAIN",), "pidfd_open": ("EMFILE",),
    "poll": ("EINTR",), "ppoll": ("EINTR",), "wait4": ("EINTR",), "waitid": ("EINTR",), "socket": ("EMFILE", "EACCES"),
    "connect": ("EACCES",), "clock_nanosleep": ("EINTR",), "getcwd": ("EACCES",),
}
# Never fail for a caller that passes good memory, or give memory, whose failures tests/fault/oom.sh makes.
OTHERS = {"brk", "mmap", "munmap", "mprotect", "mremap", "madvise", "umask", "getpid", "getppid", "gettid", "getuid", "geteuid",
          "exit_group", "futex", "rt_sigaction", "rt_sigprocmask", "ioctl", "clock_gettime", "uname", "sysinfo", "execve",
          "set_robust_list", "rseq", "prlimit64", "sched_yield", "sched_getaffinity"}
SYNCS = {"fsync", "fdatasync"}
RENAMES = {"rename", "renameat", "renameat2"}
ONE_LINE = re.compile(r"^xrat: [^:]+: .+|^(.*: )?error\[XR\d+\]", re.M)


def synced_again(log):
    """Whether the descriptor whose sync failed was synced again before it was closed."""
    bad = None
    for call in calls.parse(log):
        fd = call.args.split(",")[0]
        if call.name in SYNCS and "INJECTED" in call.rest:
            bad = fd
        elif call.name in SYNCS and fd == bad:
            return True
        elif call.name == "close" and fd == bad:
            bad = None
    return False


def durable_at(recorded):
    """The place of the fsync that makes the switch durable: the first one behind the rename onto the live link."""
    switched = max(i for i, c in enumerate(recorded) if c.name in RENAMES and c.args.endswith('"config-client"'))
    return next(i for i, c in enumerate(recorded) if i > switched and c.name in SYNCS)


def judge(point, error, got, state, durable, deaf):
    """Complaints about how the command ended. deaf: stderr itself cannot be written, so there are no words."""
    (code, _, err), (name, _, place) = got, point
    if code < 0 or code > 8:
        return [f"ended with {code}: {err[:200]!r}"]
    if code == 0 and state != "new":
        return [f"exit 0 but live is {state}"]
    if code == 0 and place <= durable:
        return [f"exit 0 after a failed {name}"] * (name in SYNCS | RENAMES)
    if code == 0:
        return ["not a word about it"] * (name in SYNCS and "audit.log" not in err)
    if deaf:
        return []
    faults = [] if ONE_LINE.search(err) else [f"no clear message: {err[:200]!r}"]
    words = os.strerror(getattr(errno, error)).lower()
    if words not in err.lower() and "error[" not in err:
        faults.append(f"the message does not say '{words}': {err[:200]!r}")
    return faults


def try_point(job):
    the_scene, (name, n, place), error, durable, deaf, work = job
    root, log = f"{work}/{the_scene.name}-{place}-{error}", "/dev/null"
    scene.copy(the_scene.root, root)
    if name in SYNCS:
        log = f"{root}.log"
    got = calls.tampered(scene.command(root, *the_scene.words), name, f"error={error}:when={n}", log,
                         ",fsync,fdatasync,close" if name in SYNCS else "")
    faults, state = scene.promise(the_scene, root)
    faults += judge(job[1], error, got, state, durable, deaf)
    if name in SYNCS:
        faults += ["the descriptor was synced again after an error"] * synced_again(scene.get(log).decode(errors="replace"))
        os.unlink(log)
    faults += scene.next_apply(the_scene, root)
    shutil.rmtree(root)
    return got[0], state, [f"{the_scene.name}: {name} {n} (call {place}) gives {error}, exit {got[0]}, live {state}: {f}" for f in faults]


def jobs_of(the_scene, recorded, work, unknown):
    begin, durable, jobs = calls.main_begins(recorded), durable_at(recorded), []
    for point in calls.points(recorded):
        name, _, place = point
        if place < begin or name in OTHERS:
            continue
        if name not in ERRORS:
            unknown.add(name)
        # A name is looked for where it may well be missing, so only a made one can lack space.
        jobs += [(the_scene, point, error, durable, recorded[place].args.startswith("2, "), work) for error in ERRORS.get(name, ())
                 if not (name in ("open", "openat") and error in ("ENOSPC", "EROFS") and "O_CREAT" not in recorded[place].args)]
    return jobs


def main(work):
    calls.require_ptrace()
    score, unknown = pool.Score(), set()
    for the_scene in scene.scenes(work):
        root = f"{work}/record"
        scene.copy(the_scene.root, root)
        recorded = calls.record(scene.command(root, *the_scene.words), f"{work}/strace")
        shutil.rmtree(root)
        jobs = jobs_of(the_scene, recorded, work, unknown)
        ends = collections.Counter()
        for code, state, faults in pool.each(try_point, jobs):
            ends["done" if code == 0 else f"refused, {state}"] += 1
            ends["exit 0 but old"] += code == 0 and state != "new"
            score.add(faults)
        calls_failed = len({job[1] for job in jobs})
        print(f"{the_scene.name}: {calls_failed} calls failed in {len(jobs)} ways: {ends['done']} got by, "
              f"{ends['refused, old'] + ends['refused, absent']} refused with the old file live, {ends['refused, new']} refused "
              f"behind the switch, {ends['exit 0 but old']} \"exit 0 but old\", {ends['refused, torn']} torn")
        score.check(ends["refused, old"] + ends["refused, absent"] > 0, f"{the_scene.name}: nothing was refused")
    score.check(not unknown, f"calls this test does not know: {sorted(unknown)}")
    score.finish()


if __name__ == "__main__":
    main(sys.argv[1])
