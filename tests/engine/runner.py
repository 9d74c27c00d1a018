"""Runs the case_… functions of some modules, each with a Bed of its own, and counts."""
import concurrent.futures
import os
import re
import time
import traceback

from engbed import Bed, Failed, Skip


def run_case(case, name, scratch):
    begin = time.monotonic()
    b = Bed(name, scratch)
    try:
        case(b)
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
        if "XRAT_TEST_TIMES" in os.environ:
            print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)


def run(part, modules, scratch, wanted, threads=3, last_words=lambda: None):
    """Prints what failed and was skipped, what last_words says, and the line that tests/run.sh reads. True: something failed."""
    cases = {n[5:]: f for m in modules for n, f in vars(m).items() if n.startswith("case_")}
    names = [n for n in cases if not wanted or any(re.search(w, n) for w in wanted)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for verdict, text in pool.map(lambda n: run_case(cases[n], n, scratch), names):
            counts[verdict] += 1
            if text:
                print(("skipped: " if verdict == "skipped" else "") + text, flush=True)
    if last_words():
        print(last_words())
    print(f"{part}: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0
