"""readers.py WORKDIR LIVE_READER: a reader opens live in a tight loop during 1,000 publishes with a rollback behind every
tenth; it must never fail to open it and never see anything but one of the two files that were ever published."""
import os
import re
import signal
import subprocess
import sys

import pool
import scene

PUBLISHES = 1000
ROLLBACK_EVERY = 10
RESULT = re.compile(r"(\d+) opens, (\d+) gaps, (\d+) torn, (\d+) changes")


def publish_all(root, contents):
    """Publishes in turn; what went wrong. A rollback goes to the other file, so the order turns round behind it."""
    faults, turn, rollbacks = [], 0, 0
    for i in range(PUBLISHES):
        turn = 1 - turn
        scene.desire(root, scene.VARIANTS[turn])
        code, _, err = scene.run(scene.command(root, "apply"))
        if code or scene.reader(root) != contents[turn]:
            faults.append(f"publish {i}: exit {code}, live is {'not ' if scene.reader(root) != contents[turn] else ''}the new one: {err}")
        if i % ROLLBACK_EVERY == ROLLBACK_EVERY - 1:
            rollbacks += 1
            turn = 1 - turn
            code, _, err = scene.run(scene.command(root, "rollback"))
            if code or scene.reader(root) != contents[turn]:
                faults.append(f"rollback behind publish {i}: exit {code}: {err}")
    return faults, rollbacks


def main(work, program):
    score, root, contents = pool.Score(), f"{work}/root", []
    scene.make_root(root, variant=scene.VARIANTS[1])
    for variant in (1, 0):  # the 0 one is live at the begin
        scene.desire(root, scene.VARIANTS[variant])
        scene.must(root, "apply")
        contents.insert(0, scene.reader(root))
        with open(f"{work}/content{variant}", "wb") as f:
            f.write(contents[0])
    with subprocess.Popen([program, f"{root}/{scene.LIVE}/xray.json", f"{work}/content0", f"{work}/content1"],
                          stdout=subprocess.PIPE, text=True) as reading:
        try:
            faults, rollbacks = publish_all(root, contents)
        finally:
            os.kill(reading.pid, signal.SIGTERM)
        said = reading.communicate(timeout=30)[0]
    for fault in faults[:5]:
        print(f"FAIL {fault}")
    seen = RESULT.search(said)
    print(f"{PUBLISHES} publishes, {rollbacks} rollbacks, reader: {said.strip()}")
    score.passed += PUBLISHES + rollbacks - len(faults)
    score.failed += len(faults)
    score.check(seen is not None and int(seen[1]) > PUBLISHES, "the reader hardly ran")
    score.check(seen is not None and int(seen[2]) == 0, "the reader found no file")
    score.check(seen is not None and int(seen[3]) == 0, "the reader saw a torn file")
    score.check(seen is not None and int(seen[4]) > PUBLISHES // 4, "the reader saw hardly a change")
    faults = scene.tree_faults(root) + scene.audit_faults(root)
    score.check(not faults, "; ".join(faults[:3]))
    score.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
