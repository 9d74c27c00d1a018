"""Cases of applyedge.py in which the tree holds what xrat never put there."""
import os
import shutil

import scene
from edgetools import SYSTEM, live_root, outside_of, says, settled

PLANTED = (".state", ".state/live", ".state/lkg", ".state/generations", ".state/generations/client", ".state/locks",
           ".state/live/config-client", ".state/lkg/config-client", ".state/locks/client.lock", ".state/memory-client.json",
           ".state/apply.request", ".state/apply.error", "audit.log", ".state/generations/client/.new-0002",
           ".state/generations/client/0002", ".state/live/.new-config-client")


def planted_links(work):
    """A symbolic link in the place of everything that xrat writes: nothing behind it is touched, nothing from behind it
    goes live, and once it is gone all is well."""
    faults = []
    for place in PLANTED:
        for kind in ("directory", "file", "nothing"):
            root = live_root(work, "planted", variants=("two",))
            before, outside = scene.reader(root), outside_of(work, kind)
            plant(f"{root}/{place}", outside.path)
            outside.look()
            scene.desire(root, "three")
            faults += [f"{place} -> {kind}: {f}" for f in try_planted(root, outside, before)]
            if os.path.islink(f"{root}/{place}") and os.readlink(f"{root}/{place}") == outside.path:
                os.unlink(f"{root}/{place}")
            faults += [f"{place} -> {kind}, removed: {f}" for f in settled(root, "four")]
            shutil.rmtree(root)
            outside.remove()
    return faults


def plant(path, target):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


def try_planted(root, outside, before):
    got = scene.run(scene.command(root, "apply"))
    faults = [] if got[0] in (0, SYSTEM) else [f"apply ended with {got[0]}: {got[2]!r}"]
    faults += ["no message"] if got[0] and not got[2].startswith("xrat: ") else []
    seen = None if outside.leads(f"{root}/{scene.LIVE}") else scene.reader(root)
    if got[0] == 0 and not scene.shows(seen, "three"):
        faults.append("exit 0, and live is not the new one")
    if seen is not None and seen != before and not scene.shows(seen, "three"):
        faults.append("live is neither old nor new")
    code = scene.run(scene.command(root, "rollback"))[0]
    faults += [] if code in (0, SYSTEM, 7) else [f"rollback ended with {code}"]
    code = scene.run(scene.command(root, "history"))[0]
    faults += [] if code in (0, SYSTEM) else [f"history ended with {code}"]
    return faults + outside.changed()


ODD = ("..name", "-rf", "a\nb", "0", "0000", "00007", "7", "99999999999999999999999999", "0x10", "\u00e4", "a b", "$(id)", "'",
       "-0003", "+0004", "0005 ", "9223372036854775807", "18446744073709551615", "\udcff", "n" * 255)


def odd_names(work):
    """Foreign names among the generations are left alone and never become live; nor does a root with an odd name hurt."""
    root = live_root(work, "odd")
    base, outside = f"{root}/.state/generations/client", outside_of(work, "directory")
    for i, name in enumerate(ODD):
        (os.mkdir if i % 2 else scene.put)(f"{base}/{name}", *([] if i % 2 else ["x"]))
    os.symlink(outside.path, f"{base}/0009")
    scene.put(f"{base}/0008", "a file\n")
    os.mkdir(f"{base}/.new-0099")
    os.symlink(outside.path, f"{base}/.new-0099/inside")
    os.symlink(outside.path, f"{base}/.new-0098")
    outside.look()
    faults = []
    for variant in scene.VARIANTS:
        scene.desire(root, variant)
        faults += says(scene.run(scene.command(root, "apply")), 0)
    faults += says(scene.run(scene.command(root, "history")), 0)
    faults += says(scene.run(scene.command(root, "rollback")), 0) + outside.changed() + scene.meta_faults(root)
    faults += [f"{n!r} is gone" for n in ODD if not os.path.lexists(f"{base}/{n}")]
    faults += [f"left: {n}" for n in os.listdir(base) if n.startswith(".new-")]
    for name in ("with space", "a\nb", "-dash", "\u00e4'\"$x", "d" * 200):
        os.mkdir(f"{work}/named")
        root = f"{work}/named/{name}"
        scene.make_root(root, engine=True)
        faults += [f"root {name!r}: {f}" for f in settled(root, "four")]
        shutil.rmtree(f"{work}/named")
    return faults


RUBBISH = (b"", b"\0" * 4096, b"{", b'{"generation": -1}', b"[]", b"null", b"\xff\xfe", b'{"generation": 1e99, "role": "client"}',
           b"[" * 5000, b'{"version": 99}', b"x" * 300000)
DAMAGED = (".state/memory-client.json", ".state/apply.request", ".state/apply.error", f"{scene.LIVE}/meta.json",
           f"{scene.LIVE}/map.json", f"{scene.LIVE}/xray.json", "audit.log", ".state/locks/client.lock",
           ".state/status-client.json")


def damaged_files(work):
    """Rubbish, a directory, a FIFO or nothing in the place of every file that xrat reads again: the next apply works."""
    faults = []
    for place in DAMAGED:
        for number, what in enumerate((*RUBBISH, "directory", "fifo", "gone")):
            root = live_root(work, "damaged", variants=("two",))
            damage(f"{root}/{place}", what)
            label = f"{place} {what if isinstance(what, str) else number}"
            faults += [f"{label}: {f}" for f in try_damaged(root, place, what)]
            shutil.rmtree(root)
    return faults


def damage(path, what):
    if os.path.lexists(path):
        os.unlink(path)
    if isinstance(what, bytes):
        with open(path, "wb") as f:
            f.write(what)
        os.chmod(path, 0o600)
    elif what == "directory":
        os.mkdir(path, 0o700)
    elif what == "fifo":
        os.mkfifo(path, 0o600)


def try_damaged(root, place, what):
    for words in (("history",), ("diff",), ("apply", "--dry-run")):
        code, _, err = scene.run(scene.command(root, *words))
        if code < 0 or code > 8:
            return [f"xrat {words[0]} ended with {code}: {err[-200:]!r}"]
    scene.desire(root, "three")
    got = scene.run(scene.command(root, "apply"))
    if got[0] == SYSTEM and what in ("directory", "fifo") and place in ("audit.log", ".state/locks/client.lock"):
        if os.path.isdir(f"{root}/{place}"):
            os.rmdir(f"{root}/{place}")
        else:
            os.unlink(f"{root}/{place}")
        got = scene.run(scene.command(root, "apply"))
    faults = says(got, 0) + ([] if scene.shows(scene.reader(root), "three") else ["live is not the new one"])
    code = scene.run(scene.command(root, "rollback"))[0]
    faults += [] if 0 <= code <= 8 else [f"rollback ended with {code}"]
    scene.desire(root, "four")
    faults += says(scene.run(scene.command(root, "apply")), 0)
    return faults + ([] if scene.shows(scene.reader(root), "four") else ["the apply behind it is not live"])


def lost_generation(work):
    """The generation that live or LKG leads to was deleted, or the link itself, or it is no link."""
    faults = []
    for how in ("generation", "link", "file", "directory", "lkg"):
        root = live_root(work, f"lost-{how}")
        link = f"{root}/{scene.LIVE}"
        if how == "generation":
            shutil.rmtree(f"{root}/.state/generations/client/{scene.live_generation(root)}")
        elif how == "lkg":
            os.symlink("../generations/client/0777", f"{root}/.state/lkg/config-client")
        else:
            os.unlink(link)
        if how == "file":
            scene.put(link, "x")
        elif how == "directory":
            os.mkdir(link)
            scene.put(f"{link}/xray.json", "{}")
        code, _, err = scene.run(scene.command(root, "rollback"))
        faults += [] if 0 <= code <= 8 else [f"{how}: rollback ended with {code}: {err!r}"]
        if how == "directory":  # nothing that a link can take the place of, and nothing to be removed unasked
            faults += says(scene.run(scene.command(root, "apply")), SYSTEM, "directory")
            shutil.rmtree(link)
        faults += [f"{how}: {f}" for f in settled(root, "three")]
    return faults


CASES = (planted_links, odd_names, damaged_files, lost_generation)


def counts():
    return f"{len(PLANTED) * 3} planted links, {len(DAMAGED) * (len(RUBBISH) + 3)} damaged files, {len(ODD)} odd names"
