#!/usr/bin/env python3
"""loadcases.py SCRATCH [NAME...]: the engine under load and with everything against it. Cases that use both cores run alone."""
import concurrent.futures
import re
import sys
import time
import traceback

import loadbad
import loadends
import loadmany
import loadrights
from engbed import Failed, Skip
from loadbed import LoadBed

MODULES = (loadbad, loadends, loadrights, loadmany)
CASES = {n[5:]: f for m in MODULES for n, f in vars(m).items() if n.startswith("case_")}
ALONE = {"reload_under_load", "idle_and_churn", "udp_associations"}


def run_case(name, scratch):
    b = LoadBed(name, scratch)
    begin = time.monotonic()
    try:
        CASES[name](b)
        b.end()
        return "passed", f"{name}: {time.monotonic() - begin:.1f} s"
    except Skip as e:
        return "skipped", f"skipped: {e}"
    except Failed as e:
        return "failed", f"FAIL {name}: {e}"
    except Exception:
        return "failed", f"FAIL {name}: {traceback.format_exc()}{b.said()}"
    finally:
        b.clean()


def main():
    scratch, wanted = sys.argv[1], sys.argv[2:]
    names = [n for n in CASES if not wanted or any(re.search(w, n) for w in wanted)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for width, some in ((4, [n for n in names if n not in ALONE]), (1, [n for n in names if n in ALONE])):
        with concurrent.futures.ThreadPoolExecutor(width) as pool:
            for verdict, text in pool.map(lambda n: run_case(n, scratch), some):
                counts[verdict] += 1
                print(text, flush=True)
    print(f"engineload: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0


sys.exit(main())
