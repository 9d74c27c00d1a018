#!/usr/bin/env python3
"""cases.py SCRATCH [NAME...]: the embedded engine as a program; the cases stand in the modules beside it."""
import sys

import life
import names
import runner
import says
import sniffs
import traffic
import udp

sys.exit(runner.run("engine", (life, traffic, says, sniffs, udp, names), sys.argv[1], sys.argv[2:]))
