#!/usr/bin/env python3
"""run.py SCHEMA BASE FILE...: the schema and the structure check give one verdict on every file.

"Bad" is, for xrat, an XR4xx error or a key that the engine does not read (XR402, XR403, XR404, XR412: the schema has
additionalProperties false). Files are BASE, what each value of it becomes as another type, out of range, empty or under a
misspelt key, and the FILEs (complete configurations). What no schema can say is left out: how a number is spelt (XR410), the
bounds of a range that is text ("-5-10" under XR409), and whether two ranges are both above 0 (XR422).
XRAT is the program; prints what differs and a last line with the counts."""
import copy
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema

DROPPED = {"XR402", "XR403", "XR404", "XR412"}
BEYOND = {"XR410", "XR422"}
VALUES = [None, True, 0, -1, 70000, "", "bogus value!", [], {}, [5], [None], {"bogus": 1}, 2**40]


def xrat_says(texts, scratch):
    for i, text in enumerate(texts):
        path = os.path.join(scratch, "x.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        out = subprocess.run([os.environ["XRAT"], *os.environ.get("XRAT_ARGS", "check --raw").split(), "x.json"], cwd=scratch,
                             capture_output=True, text=True, check=False)
        found = re.findall(r"^\S+: (error|warning)\[(XR\d+)\]: (.*)", out.stdout + out.stderr, re.M)
        yield [f"{c}: {m}" for s, c, m in found if c in DROPPED or (s == "error" and c.startswith("XR4") and can_say(c, m))]


def can_say(code, message):
    return code not in BEYOND and not (code == "XR409" and re.search(r" is -?\d+--?\d+: ", message))


def places(node, path=()):
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield path + (key,)
        yield from places(value, path + (key,))


def changed(base, path, change):
    top = copy.deepcopy(base)
    at = top
    for key in path[:-1]:
        at = at[key]
    change(at, path[-1])
    return top


def rename(at, key, new):
    items = [(new if k == key else k, v) for k, v in at.items()]
    at.clear()
    at.update(items)


def cases(base):
    yield "the base", base
    for path in places(base):
        where = "/".join(map(str, path))
        for value in VALUES:
            yield f"{where} = {json.dumps(value)}", changed(base, path, lambda at, k, v=value: at.__setitem__(k, v))
        if isinstance(path[-1], str):
            yield f"{where} misspelt", changed(base, path, lambda at, k: rename(at, k, k + "x"))
            yield f"{where} in upper case", changed(base, path, lambda at, k: rename(at, k, k.upper()))
        yield f"{where} deleted", changed(base, path, lambda at, k: at.__delitem__(k))


def main(schema, base, *files):
    check = jsonschema.Draft7Validator(json.load(open(schema, encoding="utf-8")))
    todo = list(cases(json.load(open(base, encoding="utf-8"))))
    every = int(os.environ.get("EVERY", "1"))
    todo = todo[:1] + todo[1::every]
    for name in files:
        todo.append((name, json.load(open(name, encoding="utf-8"))))
    differ = 0
    with tempfile.TemporaryDirectory() as scratch:
        for (name, value), ours in zip(todo, xrat_says((json.dumps(v) for _, v in todo), scratch)):
            fault = next(check.iter_errors(value), None)
            if (fault is None) == (not ours):
                continue
            differ += 1
            theirs = f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:160]}" if fault else "valid"
            print(f"{name}: xrat says {ours or 'nothing'}, the schema says {theirs}")
    print(f"schema: {len(todo)} cases, {differ} differ")
    sys.exit(differ > 0)


main(*sys.argv[1:])
