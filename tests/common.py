"""What the beds of several parts share: waiting for an event, and ports."""
import random
import socket
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
    """Below the range that the kernel takes source ports from, so that no probe sits on one."""

    def __init__(self):
        self.lock, self.given = threading.Lock(), set()

    def one(self):
        with self.lock:
            while True:
                port = random.randrange(20000, 32000)
                if port in self.given:
                    continue
                with socket.socket() as s:
                    try:
                        s.bind(("127.0.0.1", port))
                    except OSError:
                        continue
                self.given.add(port)
                return port


PORTS = Ports()
