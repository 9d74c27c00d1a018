"""Makes a running thread do a system call of our choice (x86-64): what its filter says to that, in the real process."""
import ctypes
import os
import platform
import struct

CALLS = {"fork": (57,), "a program": (59, 0, 0, 0), "a thread": (56, 0, 0, 0, 0, 0), "a netlink socket": (41, 16, 3, 0),
         "a raw packet socket": (41, 17, 3, 0), "tracing": (101, 0, 0, 0, 0), "another user": (105, 0), "a kill": (62, 1, 0),
         "the memory of others": (310, 1, 0, 0, 0, 0), "a mount": (165, 0, 0, 0, 0, 0), "a filter": (317, 1, 0, 0), "keys": (250, 0, 0)}
_ATTACH, _DETACH, _GETREGS, _SETREGS, _STEP = 16, 17, 12, 13, 9
_N, _RAX, _ORIG, _RIP, _ARGS = 27, 10, 15, 16, (14, 13, 12, 7, 9, 8)
_WALL = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def possible():
    return platform.machine() == "x86_64" and struct.calcsize("P") == 8


def _ptrace(request, tid, data=None):
    if _libc.ptrace(request, tid, None, data) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")


def _call(tid, regs, number, *args):
    mine = (ctypes.c_ulonglong * _N)(*regs)
    mine[_RIP] -= 2  # the thread waits behind a syscall instruction
    mine[_RAX], mine[_ORIG] = number, (1 << 64) - 1
    for where, value in zip(_ARGS, args):
        mine[where] = value
    _ptrace(_SETREGS, tid, ctypes.byref(mine))
    _ptrace(_STEP, tid)
    os.waitpid(tid, _WALL)
    _ptrace(_GETREGS, tid, ctypes.byref(mine))
    result = mine[_RAX]
    return result - (1 << 64) if result >> 63 else result


def ask(tid):
    """{what: result (0 and more, or -errno)} of CALLS in that thread, which must be waiting in a system call and goes on with it."""
    _ptrace(_ATTACH, tid)
    os.waitpid(tid, _WALL)
    regs = (ctypes.c_ulonglong * _N)()
    try:
        _ptrace(_GETREGS, tid, ctypes.byref(regs))
        return {what: _call(tid, regs, *call) for what, call in CALLS.items()}
    finally:
        _ptrace(_SETREGS, tid, ctypes.byref(regs))
        _ptrace(_DETACH, tid)
