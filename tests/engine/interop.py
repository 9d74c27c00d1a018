#!/usr/bin/env python3
"""interop.py SCRATCH [NAME...]: the embedded engine beside curl, v2ray, Xray and microsocks."""
import os
import sys

import interop_curl
import interop_names
import interop_tcp
import interop_udp
import peers
import runner

print(f"biggest payload: {peers.BIGGEST >> 20} MiB up and down through the engine alone, {peers.BIG >> 20} MiB beside other programs")


def figures():
    c = peers.COUNTED
    return f"{c['conversations']} conversations, {c['bytes'] / (1 << 30):.1f} GiB and {c['datagrams']} datagrams, each byte compared"


sys.exit(runner.run(os.environ["TEST_PART"], (interop_tcp, interop_curl, interop_udp, interop_names), sys.argv[1], sys.argv[2:],
                    last_words=figures))
