#!/usr/bin/env python3
"""A save in each editor reaches the running engine: one snippet, changed by every tool that operators use, each time
until the new generation is live and its engine answers."""
import os
import shutil
import subprocess
import sys
import tempfile

import bed
from bed import Bed, Tally, until

tally = Tally("editors")
expect = tally.expect
HERE = os.path.dirname(os.path.abspath(__file__))


def run(words, cwd=None, **env):
    return subprocess.run(words, cwd=cwd, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, check=False)


def vim(backupcopy):
    return lambda file, old, new, side: run(["vim.tiny", "-es", "-u", "NONE", "-N", "-c", f"set backupcopy={backupcopy} directory=.",
                                             "-c", f"%s/{old}/{new}/", "-c", "wq", file])


def nano(file, old, new, side):
    """The brace that it types makes a file whole that is broken until then."""
    with open(file, encoding="utf-8") as f:
        text = f.read()
    with open(file, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new).removeprefix("{"))
    return run([sys.executable, f"{HERE}/../watch/nano.py", file, "{"])


def sed(file, old, new, side):
    return run(["sed", "-i", f"s/{old}/{new}/", file])


def prepared(file, old, new, side):
    """The new content under the same name in a directory beside."""
    with open(file, encoding="utf-8") as f:
        text = f.read()
    os.makedirs(side, exist_ok=True)
    path = f"{side}/{os.path.basename(file)}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    return path


def rsync(*words):
    return lambda file, old, new, side: run(["rsync", "-a", "--checksum", *words, prepared(file, old, new, side), file])


def copy(file, old, new, side):
    return run(["cp", prepared(file, old, new, side), file])


def move(file, old, new, side):
    return run(["mv", prepared(file, old, new, side), file])


def ansible(file, old, new, side):
    return run(["ansible", "localhost", "-c", "local", "-m", "copy", "-a", f"src={prepared(file, old, new, side)} dest={file}"],
               HOME=side, ANSIBLE_LOCALHOST_WARNING="0", ANSIBLE_LOCAL_TEMP=f"{side}/l", ANSIBLE_REMOTE_TEMP=f"{side}/r")


def git(file, old, new, side):
    """Another branch is checked out: two commits, and the newer one comes back."""
    root = os.path.dirname(file)
    words = ["git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=one"]
    for command in (["init"], ["add", "-A"], ["commit", "-m", "one"], ["checkout", "-b", "two"]):
        run([*words, *command])
    done = sed(file, old, new, side)
    for command in (["commit", "-am", "two"], ["checkout", "one"], ["checkout", "two"]):
        done = run([*words, *command])
    return done


TOOLS = (("vim.tiny", "vim, backupcopy=yes", vim("yes")), ("vim.tiny", "vim, backupcopy=no", vim("no")), ("nano", "nano", nano),
         ("sed", "sed -i", sed), ("cp", "cp", copy), ("mv", "mv", move), ("rsync", "rsync", rsync()),
         ("rsync", "rsync --inplace", rsync("--inplace")), ("ansible", "ansible's copy", ansible), ("git", "git checkout", git))


def reaches(b, tag):
    def there():
        return tag.encode() in (b.live_bytes() or b"") and b.serving(b.link(), seconds=1)
    return until(20, there)


def main(path):
    b = Bed(path, settle=50)
    b.snippet(tags=["saved-0"])
    expect("generation 1", b.good(), b.stderr())
    file = f"{b.root}/config-client/outbounds.append.json"
    tags = ["saved-0"]
    for number, (program, name, save) in enumerate(TOOLS, 1):
        if not shutil.which(program):
            tally.skip(f"{name}: not installed")
            continue
        tags.append(f"saved-{number}")
        done = save(file, tags[-2], tags[-1], f"{path}/side")
        expect(f"{name}: the save reaches the running engine", reaches(b, tags[-1]), done.stdout[-300:], b.stderr()[-600:])
    code = b.stop()
    left = b.end()
    expect("it ends with 0 and nothing is left", code == 0 and not left, code, left)


with tempfile.TemporaryDirectory(prefix="xrat-editors.") as directory:
    main(directory)
sys.exit(tally.finish())
