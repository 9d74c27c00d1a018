"""powercut.py WORKDIR: records the calls of apply and rollback, and lets the power fail behind every one of them, in the
model of fsmodel.py. Of what no fsync had made durable by then, this reached the disk:

    nothing; all; each single name operation alone; all but each single one; the first n of them, for every n; every
    subset where there are at most 5; and with each of these the data of every file not yet synced: all of it, none
    (an empty file), the first half; where more than one file is unsynced, one of them at a time besides all alike.

Equal states are tried once. A state is put on disk, read as an engine reads it, and the next apply runs on it."""
import hashlib
import itertools
import os
import shutil
import sys

import calls
import fsmodel
import pool
import scene

ALL_SUBSETS_UP_TO = 5
CAP = 4000  # states a scene; more are counted and said


def name_choices(pending):
    """Sets of operations, by index, that reached the disk."""
    n = len(pending)
    every = tuple(range(n))
    if n <= ALL_SUBSETS_UP_TO:
        yield from (c for k in range(n + 1) for c in itertools.combinations(every, k))
        return
    yield ()
    yield every
    for i in every:
        yield (i,)
        yield every[:i] + every[i + 1:]
        yield every[:i]


def data_choices(files):
    """What became of the data of each unsynced file."""
    for kind in ("kept", "none", "half"):
        yield {f: kind for f in files}
        if len(files) > 1:
            for other in ("kept", "none", "half"):
                yield from ({**{f: kind for f in files}, one: other} for one in files if other != kind)


def build(model, chosen, data):
    """The nodes after these operations; data says what became of the unsynced part of a file."""
    nodes = [fsmodel.Node(n.kind, n.mode, n.data, dict(n.entries), n.target) for n in model.base]
    for op in chosen:
        if op.kind == "data" and data.get(op.node) == "none":
            continue
        if op.kind == "data" and data.get(op.node) == "half" and op.data is not None:
            op = fsmodel.Op("data", node=op.node, at=op.at, data=op.data[:len(op.data) // 2])
        fsmodel.apply_op(nodes, op)
    return nodes


def tree(nodes, here):
    """The nested picture of a state: what can be reached from its root."""
    node = nodes[here]
    if node.kind == "l":
        return ("l", node.target)
    if node.kind == "f":
        return ("f", node.mode, node.data)
    return ("d", node.mode, tuple((name, tree(nodes, child)) for name, child in sorted(node.entries.items())))


def states_at(model, prefix):
    done = model.ops[:model.prefixes[prefix]]
    durable = {i for i, op in enumerate(done) if op.durable_from is not None and op.durable_from <= prefix}
    pending = [i for i, op in enumerate(done) if op.kind == "name" and i not in durable]
    unsynced = [i for i, op in enumerate(done) if op.kind == "data" and i not in durable]
    files = sorted({done[i].node for i in unsynced})
    for choice in name_choices(pending):
        kept = durable | {pending[i] for i in choice} | set(unsynced)
        for data in data_choices(files) if files else ({},):
            # Durable data of a file stays, whatever becomes of the rest.
            ops = [op if i not in durable or op.kind == "name" else fsmodel.Op("name", sets=()) for i, op in enumerate(done) if i in kept]
            first = [op for i, op in enumerate(done) if i in durable and op.kind == "data"]
            yield tree(build_after(model, first, ops, data), model.top)


def build_after(model, first, ops, data):
    saved, model.base = model.base, build(model, first, {})
    try:
        return build(model, ops, data)
    finally:
        model.base = saved


def all_states(model):
    """Distinct states with the first prefix that shows each; prefixes that change nothing are passed over."""
    seen, result, asked = {}, [], set()
    for prefix in range(len(model.prefixes)):
        key = (model.prefixes[prefix], tuple(op.durable_from is not None and op.durable_from <= prefix
                                             for op in model.ops[:model.prefixes[prefix]]))
        if key in asked:
            continue
        asked.add(key)
        for state in states_at(model, prefix):
            digest = hashlib.sha256(repr(state).encode()).digest()
            if digest not in seen:
                seen[digest] = True
                result.append((prefix, state))
    return result


def materialise(state, path):
    if state[0] == "l":
        os.symlink(state[1], path)
    elif state[0] == "f":
        with open(path, "wb") as f:
            f.write(state[2])
        os.chmod(path, state[1])
    else:
        os.mkdir(path)
        os.chmod(path, state[1])
        for name, child in state[2]:
            materialise(child, f"{path}/{name}")


def look(state, path, up=()):
    """Follows a path in a state; its content or None."""
    for i, part in enumerate(path):
        if part == "..":
            state, up = up[-1], up[:-1]
            continue
        child = dict(state[2]).get(part) if state[0] == "d" else None
        if child is None:
            return None
        if child[0] == "l":
            return look(state, [*child[1].split("/"), *path[i + 1:]], up)
        state, up = child, (*up, state)
    return state[2] if state[0] == "f" else None


def glance(the_scene, model):
    """Without a disk: how many states show something else than the old or the new file; and whether the new one is live
    in each state that a power cut after the end can leave."""
    path = [*scene.LIVE.split("/"), "xray.json"]
    torn = sum(look(state, path) not in (the_scene.old, the_scene.new) for _, state in all_states(model))
    lost = sum(look(state, path) != the_scene.new for state in states_at(model, len(model.prefixes) - 1))
    return torn, lost


def replay(the_scene, recorded, root, without=lambda m, call: False):
    model = fsmodel.Model(root)
    for call in recorded:
        if not without(model, call):
            model.step(call)
    return model


def is_sync(kind):
    def check(model, call):
        held = model.fds.get(int(call.args.split(",")[0])) if call.name in ("fsync", "fdatasync") else None
        return held is not None and model.nodes[held[0]].kind == kind
    return check


def try_state(job):
    the_scene, number, prefix, last, state, work = job
    root = f"{work}/{the_scene.name}-{number}"
    materialise(state, root)
    faults, seen = scene.promise(the_scene, root)
    if last and seen != "new":
        faults.append(f"the command was done, and live is {seen}")
    faults += scene.next_apply(the_scene, root, torn_allowed=True)
    shutil.rmtree(root)
    return seen, [f"{the_scene.name}: state {number}, power cut behind call {prefix}, live {seen}: {f}" for f in faults]


def try_scene(the_scene, work, score):
    root = f"{work}/record"
    scene.copy(the_scene.root, root)
    before = f"{work}/before"
    scene.copy(root, before)
    recorded = calls.record(scene.command(root, *the_scene.words), f"{work}/strace", "-xx", "-s", "16777216")
    shutil.rmtree(root)
    os.rename(before, root)  # the model loads what stood there, under the path of the record
    model = replay(the_scene, recorded, root)
    states = all_states(model)
    finals = {hashlib.sha256(repr(s).encode()).digest() for s in states_at(model, len(model.prefixes) - 1)}
    jobs = [(the_scene, i, prefix, hashlib.sha256(repr(state).encode()).digest() in finals, state, work)
            for i, (prefix, state) in enumerate(states[:CAP])]
    torn = 0
    for seen, faults in pool.each(try_state, jobs):
        torn += seen == "torn"
        score.add(faults)
    over = f", {len(states) - CAP} more not tried" if len(states) > CAP else ""
    print(f"{the_scene.name}: {len(model.prefixes) - 1} prefixes, {len(jobs)} states replayed{over}, {torn} torn")
    # The model must be able to see: without the syncs of files, or of directories, the promise has to break.
    file_torn, _ = glance(the_scene, replay(the_scene, recorded, root, is_sync("f")))
    _, dir_lost = glance(the_scene, replay(the_scene, recorded, root, is_sync("d")))
    if the_scene.words[0] == "apply":
        score.check(file_torn > 0, f"{the_scene.name}: without the fsync of files the model sees nothing torn")
    score.check(dir_lost > 0, f"{the_scene.name}: without the fsync of directories the model loses nothing")
    shutil.rmtree(root)


def main(work):
    calls.require_ptrace()
    score = pool.Score()
    for the_scene in scene.scenes(work):
        try_scene(the_scene, work, score)
    score.finish()


if __name__ == "__main__":
    main(sys.argv[1])
