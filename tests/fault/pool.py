"""Two jobs at a time, and the counting of what they found."""
import concurrent.futures
import multiprocessing
import os
import sys

JOBS = min(4, os.cpu_count() or 1)
SHOWN = int(os.environ.get("SHOWN", "12"))


def each(function, jobs, chunk=4):
    """function of every job, results in order."""
    if not jobs:
        return []
    with concurrent.futures.ProcessPoolExecutor(JOBS, multiprocessing.get_context("fork")) as workers:
        return list(workers.map(function, jobs, chunksize=chunk))


class Score:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, faults):
        """One tried point: passed when nothing is wrong with it."""
        if not faults:
            self.passed += 1
            return
        self.failed += 1
        if self.failed <= SHOWN:
            for fault in faults[:3]:
                print(f"FAIL {fault}")

    def check(self, ok, what):
        self.add([] if ok else [what])

    def skip(self, why):
        self.skipped += 1
        print(f"skipped: {why}")

    def finish(self):
        if self.failed > SHOWN:
            print(f"and {self.failed - SHOWN} more failures")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed else 0)
