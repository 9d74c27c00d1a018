"""What the benches say about where they ran, and where they keep what they said."""
import os
import platform
import resource
import statistics
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def today():
    return time.strftime("%Y-%m-%d", time.gmtime())


def first(*command):
    """The first line that a program says, or nothing."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=TOP)
    except OSError:
        return ""
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def commit():
    """Which state of the tree this is, where git can tell."""
    name = first("git", "rev-parse", "--short", "HEAD")
    if not name or " " in name:
        return ""
    return f", commit {name}" + (" with changes" if first("git", "status", "--porcelain", "-uno") else "")


def describe():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((l.split(":", 1)[1].strip() for l in f if l.startswith("model name")), platform.machine())
    with open("/proc/meminfo", encoding="utf-8") as f:
        memory = int(f.readline().split()[1]) / 1048576
    return (f"machine: {cpu}, {os.cpu_count()} CPUs, {memory:.1f} GiB, {platform.system()} {platform.release()}, "
            f"load {os.getloadavg()[0]:.2f} at the start")


def busy_seconds():
    with open("/proc/stat", encoding="utf-8") as f:
        user, nice, system, _idle, _wait, irq, softirq, steal = (int(v) for v in f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


class Quiet:
    """How much of the machine went to others while a bench ran: processor time that is not of it or its children."""

    def __init__(self):
        self.begin, self.busy, self.own = time.monotonic(), busy_seconds(), own_seconds()

    def others(self):
        took = time.monotonic() - self.begin
        theirs = busy_seconds() - self.busy - (own_seconds() - self.own)
        return max(0.0, theirs) / max(took * (os.cpu_count() or 1), 0.001)

    def line(self):
        minutes = (time.monotonic() - self.begin) / 60
        return (f"took {minutes:.1f} minutes; {self.others() * 100:.0f}% of the machine's processor time went to others "
                f"(kernel threads included), load {os.getloadavg()[0]:.2f} at the end")


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f}", f"{min(values):.{digits}f}-{max(values):.{digits}f}"


class Report:
    """Prints as it goes and keeps what it printed."""

    def __init__(self):
        self.lines = []

    def say(self, text=""):
        print(text, flush=True)
        self.lines.append(text)

    def store(self, name):
        path = os.path.join("bench", "results", f"{name}-{today()}.txt")
        os.makedirs(os.path.join(TOP, "bench", "results"), exist_ok=True)
        with open(os.path.join(TOP, path), "w", encoding="utf-8") as f:
            f.write("\n".join(self.lines) + "\n")
        print(f"stored in {path}")
