#!/usr/bin/env python3
"""cases.py SCRATCH [NAME...]: the embedded engine as a program; the cases stand in the modules beside it."""
import concurrent.futures
import re
import sys
import traceback

import life
import names
import says
import traffic
import udp
from engbed import Bed, Failed, Skip

CASES = {n[5:]: f for m in (life, traffic, says, udp, names) for n, f in vars(m).items() if n.startswith("case_")}


def run_case(name, scratch):
    b = Bed(name, scratch)
    try:
        CASES[name](b)
        b.end()
        return "passed", ""
    except Skip as e:
        return "skipped", str(e)
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
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for verdict, text in pool.map(lambda n: run_case(n, scratch), names):
            counts[verdict] += 1
            if text:
                print(("skipped: " if verdict == "skipped" else "") + text)
    print(f"engine: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0


sys.exit(main())
