#!/usr/bin/env python3
"""Nodes and subscriptions by commands, without a daemon.

    tests/nodes/run.py [PART...]     a part is a function of intake.py, shows.py, faults.py, measure.py or bundles.py

Servers of 127.0.0.1 alone; every root is below a directory that goes at the end."""
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.umask(0o022)
scratch = tempfile.mkdtemp(prefix="xrat-test.")
tempfile.tempdir = scratch

import intake  # noqa: E402  # pylint: disable=wrong-import-position
import shows  # noqa: E402  # pylint: disable=wrong-import-position
import faults  # noqa: E402  # pylint: disable=wrong-import-position
import measure  # noqa: E402  # pylint: disable=wrong-import-position
import bundles  # noqa: E402  # pylint: disable=wrong-import-position
from nbed import process_of, tally  # noqa: E402  # pylint: disable=wrong-import-position

parts = {p.__name__: p for m in (intake, shows, faults, measure, bundles) for p in m.PARTS}
try:
    for name in sys.argv[1:] or parts:
        begin = time.monotonic()
        before = tally["failed"]
        try:
            parts[name]()
        except Exception as e:  # pylint: disable=broad-except
            import traceback
            tally["failed"] += 1
            print("FAIL", name, "ended early:", e)
            traceback.print_exc(file=sys.stdout)
        print(f"{name}: {'failed' if tally['failed'] > before else 'good'}, {time.monotonic() - begin:.1f} s", flush=True)
    left = process_of(scratch)
    if left:
        tally["failed"] += 1
        print("FAIL processes are left:", left)
finally:
    shutil.rmtree(scratch, ignore_errors=True)
print(f"nodes: {tally['passed']} passed, {tally['failed']} failed, {tally['skipped']} skipped")
sys.exit(tally["failed"] > 0)
