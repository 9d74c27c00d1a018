"""System calls of a command: recorded with strace, and one of them at a time tampered with.

Only the process itself is followed: the engine's checker is another program, and what it does between its start and its
own first instruction happens beside ours. strace counts the calls of one name, so a point is (name, n)."""
import functools
import os
import re
import sys

import scene

LINE = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+|\?)(?:x[0-9a-f]+)?(.*)$", re.S)


class Call:
    def __init__(self, name, args, result, rest):
        self.name, self.args, self.result, self.rest = name, args, result, rest


def parse(text):
    calls = []
    for line in text.splitlines():
        m = LINE.match(line)
        if m:
            calls.append(Call(m[1], m[2], None if m[3] == "?" else int(m[3]), m[4]))
    return calls


@functools.cache
def alone():
    """Words that start a program with no other processes in sight, so that one that looks through /proc makes the same
    calls each time; none where that is not allowed."""
    for words in (["unshare", "-pf", "--mount-proc"], ["unshare", "-rpf", "--mount-proc"]):
        try:
            if scene.run([*words, "true"])[0] == 0:
                return words
        except FileNotFoundError:
            pass
    return []


def record(argv, log, *options):
    """The calls of one undisturbed run."""
    code, out, err = scene.run([*alone(), "strace", "-qq", "-o", log, *options, *argv])
    if code:
        raise SystemExit(f"FAIL recording {' '.join(argv)}: ended with {code}: {err or out}")
    return parse(scene.get(log).decode(errors="replace"))


def tampered(argv, name, what, log="/dev/null", also=""):
    """Runs argv with `what` injected into calls named `name`; the log holds these and the ones named in `also`."""
    return scene.run([*alone(), "strace", "-qq", "-o", log, "-e", f"trace={name}{also}", "-e", f"inject={name}:{what}", *argv])


def points(calls):
    """(name, n) of every call, in order, each with its place."""
    seen, result = {}, []
    for place, call in enumerate(calls):
        seen[call.name] = seen.get(call.name, 0) + 1
        result.append((call.name, seen[call.name], place))
    return result


def main_begins(calls):
    """The place of the first call of main (umask); what stands before belongs to the dynamic loader and the runtimes."""
    return next((i for i, c in enumerate(calls) if c.name == "umask"), 0)


def can_trace():
    try:
        return scene.run(["strace", "-qq", "-o", "/dev/null", "-e", "trace=none", "true"])[0] == 0
    except FileNotFoundError:
        return False


def require_ptrace():
    if can_trace():
        return
    if os.environ.get("CI"):
        print("FAIL strace cannot trace here, and in CI it has to")
        print("0 passed, 1 failed, 0 skipped")
    else:
        print("skipped: strace cannot trace here")
        print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)
