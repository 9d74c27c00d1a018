#!/usr/bin/env python3
"""oom.py LIBRARY WORKDIR PROGRAM ARG...: the 1st, 2nd, 3rd… allocation of the command fails, once alone and once from
there on. Each time the program has to say so and end with 3, without a crash, a hang, half a result on stdout or a file
left behind; or it got by without that allocation, and then everything is as in an undisturbed run. `@OUT` among the
arguments stands for a file in WORKDIR, which must be absent or whole. Prints one line a fault and the count."""
import os
import re
import subprocess
import sys

library, work, command = sys.argv[1], sys.argv[2], sys.argv[3:]
out = os.path.join(work, "out")
counter = os.path.join(work, "count")
os.makedirs(out, exist_ok=True)
target = os.path.join(out, "result.json")
command = [target if a == "@OUT" else a for a in command]


def run(**extra):
    env = {"LC_ALL": "C", "HOME": work, "PATH": "/usr/bin:/bin", "LD_PRELOAD": library, **extra}
    for name in os.listdir(out):
        os.unlink(os.path.join(out, name))
    try:
        p = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
        # RE2 may grumble on stderr; that is not the program's voice.
        code, stdout, stderr = p.returncode, p.stdout, re.sub(rb"(?m)^\./re2/(?:walker-in(?=xrat: )|[^\n]*\n)", b"", p.stderr)
    except subprocess.TimeoutExpired:
        code, stdout, stderr = "a hang", b"", b""
    files = {name: open(os.path.join(out, name), "rb").read() for name in os.listdir(out)}
    return code, stdout, stderr, files


calm = run(OOM_AT="0", OOM_COUNT=counter)
points = int(open(counter, encoding="ascii").read())
passed = failed = 0
for mode in ({}, {"OOM_ON": "1"}):
    for at in range(1, points + 1):
        code, stdout, stderr, files = got = run(OOM_AT=str(at), **mode)
        if got == calm or (code == 3 and stderr and not stdout and not files):
            passed += 1
            continue
        failed += 1
        if failed <= 10:
            how = "and all after it" if mode else "alone"
            print(f"FAIL allocation {at} {how}: ended with {code}, {len(stdout)} bytes on stdout, files {list(files)}, "
                  f"said {stderr[:200]!r}")
print(f"{' '.join(os.path.basename(a) for a in command[1:])}: {points} points, {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
