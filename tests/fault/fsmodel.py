"""A file system with a volatile and a durable side, for replaying recorded calls.

    data of a file       durable by fsync of a descriptor of that file
    a name (create, mkdir, symlink, rename, unlink)   durable by fsync of the directory that it stands in

Nothing else is: no order between operations, no help from a parent, no rename that pushes data before it. A rename from
one directory to another counts as one operation, durable with the directory it goes to. What a real file system does
beyond that is luck that a publisher must not need."""
import os
import re
import stat

FD_CALLS = {"close", "read", "newfstatat", "fstat", "fcntl", "getdents64", "flock", "fchdir", "lseek", "pread64", "ioctl"}


class Node:
    def __init__(self, kind, mode=0, data=b"", entries=None, target=""):
        self.kind, self.mode, self.data, self.entries, self.target = kind, mode, data, entries if entries is not None else {}, target


class Op:
    """One change. kind 'name': sets maps (dir, name) to a node or None; kind 'data': node gets bytes at an offset (None:
    cut to that length)."""

    def __init__(self, kind, node=None, sets=(), at=0, data=None):
        self.kind, self.node, self.sets, self.at, self.data = kind, node, sets, at, data
        self.durable_from = None  # the prefix from which on nothing can take it away


class Model:
    def __init__(self, root):
        self.root_path, self.nodes = root, []
        self.top = self.load(root)
        self.base = [Node(n.kind, n.mode, n.data, dict(n.entries), n.target) for n in self.nodes]
        self.ops, self.fds, self.prefixes = [], {}, [0]

    def new(self, *a, **k):
        self.nodes.append(Node(*a, **k))
        return len(self.nodes) - 1

    def load(self, path):
        st = os.lstat(path)
        mode = stat.S_IMODE(st.st_mode)
        if stat.S_ISLNK(st.st_mode):
            return self.new("l", target=os.readlink(path))
        if stat.S_ISDIR(st.st_mode):
            return self.new("d", mode, entries={n: self.load(f"{path}/{n}") for n in sorted(os.listdir(path))})
        with open(path, "rb") as f:
            return self.new("f", mode, f.read())

    # --- looking up ---
    def parent(self, dirfd, path):
        """(directory node, last name) of a path, or None when it lies outside the root."""
        if path.startswith("/"):
            if path != self.root_path and not path.startswith(self.root_path + "/"):
                return None
            here, path = self.top, path[len(self.root_path):].lstrip("/")
        elif dirfd in self.fds:
            here = self.fds[dirfd][0]
        else:
            return None
        parts = [p for p in path.split("/") if p not in ("", ".")]
        for part in parts[:-1]:
            here = self.follow(here, part)
        return here, parts[-1] if parts else "."

    def follow(self, here, part):
        node = self.nodes[here].entries[part]
        if self.nodes[node].kind == "l":
            return self.walk(here, self.nodes[node].target)
        return node

    def walk(self, here, path):
        """A relative link from a directory; '..' is answered by searching, since nodes know no parent."""
        for part in path.split("/"):
            if part == "..":
                here = next(i for i, n in enumerate(self.nodes) if n.kind == "d" and here in n.entries.values())
            else:
                here = self.follow(here, part)
        return here

    # --- changing ---
    def change(self, op):
        self.ops.append(op)
        apply_op(self.nodes, op)

    def set_name(self, place, node, gone=None):
        sets = [(place[0], place[1], node)]
        if gone:
            sets.insert(0, (gone[0], gone[1], None))
        self.change(Op("name", sets=sets))

    def sync(self, node):
        for op in self.ops:
            if op.durable_from is None and (op.node == node if op.kind == "data" else op.sets[-1][0] == node):
                op.durable_from = len(self.prefixes)

    def step(self, call):
        """One recorded call. Every call is a prefix of its own."""
        handler = HANDLERS.get(call.name)
        if handler and call.result is not None and call.result >= 0:
            handler(self, call, split(call.args), call.result)
        self.prefixes.append(len(self.ops))


def apply_op(nodes, op):
    if op.kind == "name":
        for directory, name, node in op.sets:
            if node is None:
                nodes[directory].entries.pop(name, None)
            else:
                nodes[directory].entries[name] = node
        return
    data = nodes[op.node].data
    if op.data is None:
        nodes[op.node].data = data[:op.at].ljust(op.at, b"\0")
    else:
        nodes[op.node].data = data[:op.at].ljust(op.at, b"\0") + op.data + data[op.at + len(op.data):]


# --- strace's words ---
def split(args):
    """Arguments at the top level; strings are hexadecimal, so they hold no comma or bracket."""
    parts, depth, word = [], 0, ""
    for c in args:
        depth += c in "{[("
        depth -= c in "}])"
        if c == "," and not depth:
            parts.append(word.strip())
            word = ""
        else:
            word += c
    return [*parts, word.strip()] if word.strip() else parts


def text(arg):
    if not arg.startswith('"') or arg.endswith("..."):
        raise ValueError(f"not a whole string: {arg[:40]}")
    return bytes.fromhex(arg.strip('"').replace("\\x", ""))


def name(arg):
    return text(arg).decode()


def dirfd(arg):
    return "cwd" if arg.startswith("AT_FDCWD") else int(arg)


def do_open(m, directory, path, flags, mode, result):
    place = m.parent(directory, path)
    if not place:
        m.fds.pop(result, None)
        return
    here, last = place
    if last == ".":
        node = here
    elif last in m.nodes[here].entries:
        node = m.nodes[here].entries[last]
        if m.nodes[node].kind == "l":
            node = m.follow(here, last)
    else:
        node = m.new("f", mode)
        m.base.append(Node("f", mode))
        m.set_name(place, node)
    if "O_TRUNC" in flags and m.nodes[node].data:
        m.change(Op("data", node=node, at=0))
    m.fds[result] = [node, 0, "O_APPEND" in flags]


def on_openat(m, call, a, result):
    del call
    do_open(m, dirfd(a[0]), name(a[1]), a[2], int(a[3], 8) if len(a) > 3 else 0, result)


def on_open(m, call, a, result):
    on_openat(m, call, ["AT_FDCWD", *a], result)


def on_openat2(m, call, a, result):
    del call
    mode = re.search(r"mode=(0[0-7]+)", a[2])
    do_open(m, dirfd(a[0]), name(a[1]), a[2], int(mode[1], 8) if mode else 0, result)


def on_write(m, call, a, result):
    held = m.fds.get(int(a[0]))
    if not held:
        return
    node, at, append = held
    at = len(m.nodes[node].data) if append else int(a[3]) if call.name == "pwrite64" else at
    m.change(Op("data", node=node, at=at, data=text(a[1])[:result]))
    if call.name == "write":
        held[1] = at + result


def on_read(m, call, a, result):
    if int(a[0]) in m.fds and call.name == "read":
        m.fds[int(a[0])][1] += result


def on_truncate(m, call, a, result):
    del call, result
    if int(a[0]) in m.fds:
        m.change(Op("data", node=m.fds[int(a[0])][0], at=int(a[1])))


def on_sync(m, call, a, result):
    del call, result
    if int(a[0]) in m.fds:
        m.sync(m.fds[int(a[0])][0])


def on_close(m, call, a, result):
    del call, result
    m.fds.pop(int(a[0]), None)


def on_seek(m, call, a, result):
    del call
    if int(a[0]) in m.fds:
        m.fds[int(a[0])][1] = result


def on_fcntl(m, call, a, result):
    del call
    if a[1].startswith("F_DUPFD") and int(a[0]) in m.fds:
        m.fds[result] = m.fds[int(a[0])]


def on_mkdirat(m, call, a, result):
    del call, result
    place = m.parent(dirfd(a[0]), name(a[1]))
    if place:
        m.base.append(Node("d", int(a[2], 8)))
        m.set_name(place, m.new("d", int(a[2], 8)))


def on_symlinkat(m, call, a, result):
    del call, result
    place = m.parent(dirfd(a[1]), name(a[2]))
    if place:
        m.base.append(Node("l", target=name(a[0])))
        m.set_name(place, m.new("l", target=name(a[0])))


def on_renameat(m, call, a, result):
    del call, result
    source, target = m.parent(dirfd(a[0]), name(a[1])), m.parent(dirfd(a[2]), name(a[3]))
    if source and target:
        m.set_name(target, m.nodes[source[0]].entries[source[1]], source)


def on_unlinkat(m, call, a, result):
    del call, result
    place = m.parent(dirfd(a[0]), name(a[1]))
    if place:
        m.change(Op("name", sets=[(*place, None)]))


def on_chmod(m, call, a, result):
    """A mode is taken as it comes: all are made with the right one."""
    del call, result
    if int(a[0]) in m.fds:
        m.base[m.fds[int(a[0])][0]].mode = m.nodes[m.fds[int(a[0])][0]].mode = int(a[1], 8)


def on_unknown(m, call, a, result):
    del m, a, result
    raise SystemExit(f"FAIL the model does not know {call.name}({call.args[:80]})")


def flat(handler, *dirs):
    """The call without directory descriptors: 'cwd' at these places."""
    def flattened(m, call, a, result):
        a = list(a)
        for place in dirs:
            a.insert(place, "AT_FDCWD")
        handler(m, call, a, result)
    return flattened


HANDLERS = {
    "openat": on_openat, "open": on_open, "openat2": on_openat2, "write": on_write, "pwrite64": on_write, "read": on_read,
    "ftruncate": on_truncate, "fsync": on_sync, "fdatasync": on_sync, "close": on_close, "lseek": on_seek, "fcntl": on_fcntl,
    "mkdirat": on_mkdirat, "mkdir": flat(on_mkdirat, 0), "symlinkat": on_symlinkat, "symlink": flat(on_symlinkat, 1),
    "renameat": on_renameat, "renameat2": on_renameat, "rename": flat(on_renameat, 0, 2), "unlinkat": on_unlinkat,
    "unlink": flat(on_unlinkat, 0), "rmdir": flat(on_unlinkat, 0), "fchmod": on_chmod,
    **{n: on_unknown for n in ("linkat", "link", "writev", "pwritev", "sendfile", "copy_file_range", "dup", "dup2", "dup3", "truncate",
                               "fallocate", "sync_file_range", "sync", "syncfs", "creat", "chdir", "fchdir", "splice")},
}
