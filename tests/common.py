"""What the beds of several parts share: waiting for an event, and ports."""
import os
import random
import select
import socket
import sys
import threading
import time

LIMIT = 30  # seconds that an awaited event may take before the test is called failed


class Failed(Exception):
    pass


def until(condition, what, limit=LIMIT):
    """Polls; the first true value of the condition."""
    end = time.monotonic() + limit
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"waited {limit} s for {what}")
        time.sleep(0.01)


class Ports:
    """Ports of 127.0.0.1 that are free for TCP and UDP and stay this process's: below the range that the kernel takes source
    ports from, so that no probe sits on one, and claimed by a name that goes with the process, so that no other test takes one."""

    def __init__(self):
        self.lock, self.claims, self.random = threading.Lock(), [], random.SystemRandom()

    def claim(self, port):
        """Whether nobody has claimed or bound it."""
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0xrat-test-port-{port}")
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            return False
        self.claims.append(claim)
        return True

    def one(self):
        with self.lock:
            while True:
                port = self.random.randrange(10000, 32000)
                if self.claim(port):
                    return port


PORTS = Ports()


def hold_ports(n, pid):
    """Prints N ports; a child holds the claims as long as the process PID lives: for scripts, see free_ports of tests/lib.sh."""
    print(*(PORTS.one() for _ in range(n)), flush=True)
    if os.fork():
        return
    for fd in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), fd)
    select.select([os.pidfd_open(pid)], [], [])


if __name__ == "__main__":
    hold_ports(int(sys.argv[1]), int(sys.argv[2]))
