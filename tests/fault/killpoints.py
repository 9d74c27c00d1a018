"""killpoints.py WORKDIR: kills apply and rollback at every system call they make, the loader's included; a kill behind
call n is the kill before call n + 1. Afterwards live is the old or the new file, and the next apply succeeds and sweeps."""
import collections
import shutil
import sys

import calls
import pool
import scene

LEAST = 60


def try_point(job):
    the_scene, (name, n, place), work = job
    root = f"{work}/{the_scene.name}-{place}"
    scene.copy(the_scene.root, root)
    code, _, _ = calls.tampered(scene.command(root, *the_scene.words), name, f"signal=KILL:when={n}")
    killed = code in (-9, 137)
    faults, state = scene.promise(the_scene, root)
    if not killed and (code or state != "new"):
        faults.append(f"was not killed, ended with {code}, live is {state}")
    faults += scene.next_apply(the_scene, root)
    shutil.rmtree(root)
    return killed, state, [f"{the_scene.name}: killed at {name} {n} (call {place}), live {state}: {f}" for f in faults]


def main(work):
    calls.require_ptrace()
    score = pool.Score()
    for the_scene in scene.scenes(work):
        root = f"{work}/record"
        scene.copy(the_scene.root, root)
        recorded = calls.record(scene.command(root, *the_scene.words), f"{work}/strace")
        shutil.rmtree(root)
        # The execve at the start is strace's own.
        jobs = [(the_scene, p, work) for p in calls.points(recorded) if p[0] != "execve"]
        killed, states = 0, collections.Counter()
        for was_killed, state, faults in pool.each(try_point, jobs):
            killed += was_killed
            states[state] += 1
            score.add(faults)
        # Memory calls differ a little from run to run; with other processes in sight the search through /proc does, too.
        due = len(jobs) - 5 if calls.alone() else len(jobs) * 9 // 10
        score.check(killed >= max(LEAST, due), f"{the_scene.name}: {killed} of {len(jobs)} points were reached")
        score.check(states["new"] > 0 and states["old"] + states["absent"] > 0, f"{the_scene.name}: no point on one side of the switch")
        print(f"{the_scene.name}: {killed} kill points, {states['old'] + states['absent']} old, {states['new']} new, "
              f"{states['torn']} torn")
    score.finish()


if __name__ == "__main__":
    main(sys.argv[1])
