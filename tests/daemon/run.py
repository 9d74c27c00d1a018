#!/usr/bin/env python3
"""Every test of the daemon's frame; words pick cases by name."""
import os
import sys
import tempfile
import threading
import traceback

from dbed import Tally, bed

import ipc
import life
import replies

tally = Tally("daemon")


def guarded(fn, work):
    try:
        fn(tally, work)
    except Exception as e:  # one case must not take the others along
        tally.expect(f"{fn.__name__}: {e!r}", False, traceback.format_exc())


def main():
    wanted = sys.argv[1:]
    cases = [fn for fn in (ipc.main, replies.replies, *life.CASES) if not wanted or fn.__name__ in wanted]
    with tempfile.TemporaryDirectory(prefix="xrat-test.") as top:
        for i, fn in enumerate(cases):
            work = f"{top}/{i}"
            os.makedirs(work)
        threads = [threading.Thread(target=guarded, args=(fn, f"{top}/{i}")) for i, fn in enumerate(cases)]
        for x in threads:
            x.start()
        for x in threads:
            x.join()
        for b in bed.BEDS:
            b.end()
        left = bed.process_of(top)
        tally.expect("nothing is left running", not left, left)
        for pid in left:
            os.kill(pid, 9)
    tally.finish()


if __name__ == "__main__":
    main()
