"""oomapply.py WORKDIR LIBRARY: the 1st, 2nd, 3rd… allocation of apply and of rollback fails, once alone and once from there
on (tests/fault/oom.c). Each time it ends with 3 and words, or it got by without that allocation; live is the whole old
file, or the whole new one; and the next apply succeeds and sweeps."""
import collections
import shutil
import sys

import pool
import scene
from edgetools import run_env

# RE2 may grumble on stderr; that is not the program's voice.
SYSTEM, CONFIG = 3, 1


def run(the_scene, root, library, **more):
    return run_env(scene.command(root, *the_scene.words), LD_PRELOAD=library, **more)


def try_point(job):
    the_scene, at, mode, library, work = job
    root = f"{work}/{the_scene.name}-{at}-{len(mode)}"
    scene.copy(the_scene.root, root)
    code, _, err = run(the_scene, root, library, OOM_AT=str(at), **mode)
    faults, state = scene.promise(the_scene, root)
    if code == 0:
        faults += [] if state == "new" else ["exit 0 but old"]
    elif code != SYSTEM or "xrat: " not in err:
        faults.append(f"ended with {code}, said {err[:200]!r}")
    faults += scene.next_apply(the_scene, root)
    shutil.rmtree(root)
    how = "and all after it" if mode else "alone"
    return code, state, [f"{the_scene.name}: allocation {at} {how}, exit {code}, live {state}: {f}" for f in faults]


def count(the_scene, library, work):
    root = f"{work}/count"
    scene.copy(the_scene.root, root)
    code, _, err = run(the_scene, root, library, OOM_AT="0", OOM_COUNT=f"{work}/counted")
    if code:
        raise SystemExit(f"FAIL undisturbed {the_scene.name} ended with {code}: {err}")
    shutil.rmtree(root)
    return int(scene.get(f"{work}/counted"))


def main(work, library):
    score = pool.Score()
    for the_scene in scene.scenes(work):
        points, ends = count(the_scene, library, work), collections.Counter()
        jobs = [(the_scene, at, mode, library, work) for mode in ({}, {"OOM_ON": "1"}) for at in range(1, points + 1)]
        for code, state, faults in pool.each(try_point, jobs):
            ends["done" if code == 0 else state] += 1
            score.add(faults)
        score.check(points > 0 and ends["old"] + ends["absent"] > 0, f"{the_scene.name}: no allocation mattered")
        print(f"{the_scene.name}: {points} allocations failed in {len(jobs)} ways: {ends['done']} got by, "
              f"{ends['old'] + ends['absent']} refused with the old file live, {ends['new']} behind the switch, {ends['torn']} torn")
    score.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
